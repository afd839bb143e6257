/** Hands a file to the browser to keep. */
export function saveFile(name: string, blob: Blob): void {
  const address = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  // The download has begun by then; before, it could be cut off.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
