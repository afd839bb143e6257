import type { SiteRecord, SiteSettings } from '../../../shared/site-settings.ts';

/** The fields of a site as texts that a person types. */
export interface SiteFields {
  name: string;
  /** One a line. */
  origins: string;
  allModels: boolean;
  models: string;
  allLoras: boolean;
  loras: string;
  /** Empty: unlimited. */
  dailyGigabytes: string;
  dailyGenerations: string;
  disabled: boolean;
}

const GIGABYTE = 1e9;

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

export function fieldsOf({ name, origins, models, loras, dailyBytes, dailyGenerations, disabled }: SiteRecord): SiteFields {
  return {
    name,
    origins: origins.join('\n'),
    allModels: models === null,
    models: models?.join('\n') ?? '',
    allLoras: loras === null,
    loras: loras?.join('\n') ?? '',
    dailyGigabytes: dailyBytes === null ? '' : String(dailyBytes / GIGABYTE),
    dailyGenerations: dailyGenerations === null ? '' : String(dailyGenerations),
    disabled,
  };
}

/** The settings that the fields say; what they are worth is the edge's to judge. Null is sent for what is no number. */
export function settingsOf(fields: SiteFields): SiteSettings {
  const quota = (text: string, unit: number): number | null => (text.trim() === '' ? null : Math.round(Number(text) * unit));
  return {
    name: fields.name,
    origins: linesOf(fields.origins),
    models: fields.allModels ? null : linesOf(fields.models),
    loras: fields.allLoras ? null : linesOf(fields.loras),
    dailyBytes: quota(fields.dailyGigabytes, GIGABYTE),
    dailyGenerations: quota(fields.dailyGenerations, 1),
    disabled: fields.disabled,
  };
}

/** What differs from the site as it is. */
export function changesOf(site: SiteRecord, settings: SiteSettings): Partial<SiteSettings> {
  const names = Object.keys(settings) as (keyof SiteSettings)[];
  const changed = names.filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(site[name]));
  return Object.fromEntries(changed.map((name) => [name, settings[name]]));
}
