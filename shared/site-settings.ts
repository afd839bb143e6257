/** What the admin API takes and answers about sites: shared by the edge, which checks it, and the command line. */
import * as v from 'valibot';
import { ALL_SITES } from './analytics.ts';
import { Id } from './manifest.ts';
import { originPattern } from './origins.ts';

export const SiteId = v.pipe(
  v.string('must be a text'),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, - or _'),
  v.notValue(ALL_SITES, 'must not be “all”, which means all sites'),
);

const Name = v.pipe(
  v.string('must be a text'),
  v.trim(),
  v.minLength(1, 'must not be empty'),
  v.maxLength(100, 'must have at most 100 characters'),
  // A table of sites has a line for each.
  v.regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, 'must be one line'),
);

const OriginPattern = v.pipe(
  v.string('must be a text'),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const pattern = originPattern(dataset.value);
    if (pattern !== undefined) return pattern;
    const quoted = JSON.stringify(dataset.value.slice(0, 100));
    addIssue({
      message: `${quoted} is no origin; write https://shop.example, https://*.shop.example or http://localhost:*, without a path`,
    });
    return NEVER;
  }),
);

/** They go into one header, `frame-ancestors`. */
const MAX_ORIGINS = 100;
const MAX_IDS = 1000;

const distinct = <T>(values: T[]): T[] => [...new Set(values)];

const Origins = v.pipe(
  v.array(OriginPattern, 'must be a list of origins'),
  v.transform(distinct),
  v.maxLength(MAX_ORIGINS, `must be at most ${MAX_ORIGINS} origins`),
);

/** Ids of the catalogue; null: all of them. */
const AllowList = v.nullable(
  v.pipe(
    v.array(Id, 'must be a list of ids, or null for all'),
    v.transform(distinct),
    v.maxLength(MAX_IDS, `must be at most ${MAX_IDS} ids`),
  ),
);

/** A UTC day; null: unlimited. */
const DailyQuota = v.nullable(
  v.pipe(
    v.number('must be a whole number, or null for no limit'),
    v.safeInteger('must be a whole number'),
    v.minValue(0, 'must not be negative'),
  ),
);

/** What an operator sets of a site. */
const SiteSettings = v.strictObject({
  name: Name,
  /** Patterns of the origins whose pages may embed the studio: `shared/origins.ts`. */
  origins: Origins,
  models: AllowList,
  loras: AllowList,
  /** Bytes of weights. */
  dailyBytes: DailyQuota,
  /** Pictures. */
  dailyGenerations: DailyQuota,
  /** A disabled site is refused everything. */
  disabled: v.boolean('must be true or false'),
});
export type SiteSettings = v.InferOutput<typeof SiteSettings>;

/** The body of `POST /v1/sites`. */
export const NewSite = v.strictObject({
  /** For good; left out: one is made. */
  id: v.optional(SiteId),
  name: Name,
  origins: v.optional(Origins, []),
  models: v.optional(AllowList, null),
  loras: v.optional(AllowList, null),
  dailyBytes: v.optional(DailyQuota, null),
  dailyGenerations: v.optional(DailyQuota, null),
  disabled: v.optional(SiteSettings.entries.disabled, false),
});
export type NewSite = v.InferInput<typeof NewSite>;

/** The body of `PATCH /v1/sites/:id`: what is left out stays. */
export const SiteChange = v.pipe(
  v.partial(SiteSettings),
  v.check((change) => Object.keys(change).length > 0, 'must change something'),
);
export type SiteChange = v.InferInput<typeof SiteChange>;

const DAY_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 90 * DAY_SECONDS;

/** The body of `POST /v1/sites/:id/keys`. */
export const KeyRotation = v.strictObject({
  /** Seconds for which the keys so far are accepted beside the new one. */
  overlap: v.optional(
    v.pipe(
      v.number('must be a number of seconds'),
      v.safeInteger('must be a whole number of seconds'),
      v.minValue(0, 'must not be negative'),
      v.maxValue(MAX_OVERLAP_SECONDS, `must be at most ${MAX_OVERLAP_SECONDS} seconds (90 days)`),
    ),
    7 * DAY_SECONDS,
  ),
});

const instant = v.pipe(v.string(), v.isoTimestamp());

/** A site as the admin API answers it. */
export const SiteRecord = v.object({
  id: SiteId,
  ...SiteSettings.entries,
  created: instant,
  /** Those that are accepted now, the oldest first. */
  keys: v.array(v.object({ key: v.string(), created: instant, expires: v.nullable(instant) })),
});
export type SiteRecord = v.InferOutput<typeof SiteRecord>;

/** `key` is the new one. */
export const RotatedKey = v.object({ key: v.string(), site: SiteRecord });
export type RotatedKey = v.InferOutput<typeof RotatedKey>;

/** `cursor` asks for the next page, null where there is none. */
export const SitePage = v.object({ sites: v.array(SiteRecord), cursor: v.nullable(v.string()) });
export type SitePage = v.InferOutput<typeof SitePage>;

export const AUDIT_ACTIONS = ['site.create', 'site.change', 'key.rotate', 'key.revoke'] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One change, who made it, and what it was. */
export const AuditEntry = v.object({
  id: v.number(),
  at: instant,
  /** `token:<name>` or `access:<who>`. */
  actor: v.string(),
  action: v.picklist(AUDIT_ACTIONS),
  site: v.string(),
  details: v.record(v.string(), v.unknown()),
  requestId: v.nullable(v.string()),
});
export type AuditEntry = v.InferOutput<typeof AuditEntry>;

export const AuditPage = v.object({ entries: v.array(AuditEntry), cursor: v.nullable(v.string()) });
export type AuditPage = v.InferOutput<typeof AuditPage>;

export const DEFAULT_PAGE = 50;
export const MAX_PAGE = 200;
