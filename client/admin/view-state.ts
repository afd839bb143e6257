import { ALL_SITES, BREAKDOWNS, type Breakdown, INTERVALS, type Interval } from '../../shared/analytics.ts';
import { DEFAULT_METRIC, isMetric, type MetricName } from './usage/metrics.ts';
import { type Days, isPreset, type PeriodChoice, PRESETS, refusalOf } from './usage/period.ts';

/** One value by which is filtered; several of one dimension are alternatives. `''`: events that lack it. */
export interface Filter {
  dimension: Breakdown;
  value: string;
}

/** What the page shows: all of it stands in the address, so that a look can be shared and the back button works. */
export interface ViewState {
  page: 'usage' | 'sites';
  /** A site's id; on the page of usage also `all`, on that of sites undefined for the list. */
  site: string | undefined;
  period: PeriodChoice;
  /** Undefined: as the edge finds it fit for the period. */
  interval: Interval | undefined;
  metric: MetricName;
  breakdown: Breakdown;
  filters: readonly Filter[];
}

const DEFAULTS = { period: '30d', breakdown: 'gpu_class' } as const;
/** As the edge takes them. */
const MAX_FILTERS = 20;
const SITE_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** What the query of an address names; what it does not, or what is none, is the default. */
export function readViewState(search: URLSearchParams): ViewState {
  const [site, period, interval] = [search.get('site') ?? '', search.get('period') ?? '', search.get('interval') ?? ''];
  const days: Days = { from: search.get('from') ?? '', to: search.get('to') ?? '' };
  const page = search.get('page') === 'sites' ? 'sites' : 'usage';
  return {
    page,
    site: SITE_ID.test(site) && !(page === 'sites' && site === ALL_SITES) ? site : page === 'usage' ? ALL_SITES : undefined,
    period: refusalOf(days) === undefined ? days : oneOf(Object.keys(PRESETS) as (keyof typeof PRESETS)[], period, DEFAULTS.period),
    interval: oneOf(INTERVALS, interval, undefined),
    metric: readMetric(search.get('metric') ?? ''),
    breakdown: oneOf(BREAKDOWNS, search.get('by') ?? '', DEFAULTS.breakdown),
    filters: readFilters(search.getAll('filter')),
  };
}

const readMetric = (text: string): MetricName => (isMetric(text) ? text : DEFAULT_METRIC);

const oneOf = <T extends string, Default>(list: readonly T[], text: string, otherwise: Default): T | Default =>
  list.find((each) => each === text) ?? otherwise;

function readFilters(texts: readonly string[]): Filter[] {
  const filters = texts.flatMap((text): Filter[] => {
    const dimension = BREAKDOWNS.find((name) => text.startsWith(`${name}=`));
    return dimension ? [{ dimension, value: text.slice(dimension.length + 1) }] : [];
  });
  return filters.filter((filter, i) => filters.findIndex((other) => isSameFilter(filter, other)) === i).slice(0, MAX_FILTERS);
}

export const isSameFilter = (a: Filter, b: Filter): boolean => a.dimension === b.dimension && a.value === b.value;

/** The query of the address that shows this; defaults are left out. */
export function writeViewState({ page, site, period, interval, metric, breakdown, filters }: ViewState): string {
  const search = new URLSearchParams();
  const set = (name: string, value: string | undefined, otherwise?: string): void => {
    if (value !== undefined && value !== otherwise) search.set(name, value);
  };
  set('page', page, 'usage');
  set('site', site, ALL_SITES);
  if (isPreset(period)) set('period', period, DEFAULTS.period);
  else for (const [name, day] of Object.entries(period)) set(name, day);
  set('interval', interval);
  set('metric', metric, DEFAULT_METRIC);
  set('by', breakdown, DEFAULTS.breakdown);
  for (const filter of filters) search.append('filter', filterText(filter));
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

export const filterText = ({ dimension, value }: Filter): string => `${dimension}=${value}`;
