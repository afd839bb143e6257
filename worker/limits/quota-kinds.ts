/** What a site may have so much of a day: bytes of weights that are signed for, pictures that are made. */
export const QUOTA_KINDS = ['bytes', 'generations'] as const;
export type QuotaKind = (typeof QUOTA_KINDS)[number];
