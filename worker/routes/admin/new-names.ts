function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A new publishable key: 96 random bits, which nobody guesses and which no other site has. */
export const newSiteKey = (): string => `pk_${randomHex(12)}`;

/** For a site that was given no id. */
export const newSiteId = (): string => `site_${randomHex(8)}`;
