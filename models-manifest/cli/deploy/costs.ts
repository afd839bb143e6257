/**
 * What an edge costs a month, worked out in the open: `node models-manifest/cli/deploy/print-costs.ts` prints the tables of docs/operate.md, and a test
 * holds that page against them. Prices are Cloudflare's, in US dollars; what is measured in this repository is held by tests too.
 */

/** The Workers Paid plan and what it includes a month, as published in November 2026 (docs/operate.md names the pages). `unit`: what `price` is for. */
const PLAN_DOLLARS = 5;
const PRICES = {
  requests: { what: 'Worker requests', included: 10e6, unit: 1e6, price: 0.3 },
  cpu: { what: 'Worker CPU, ms', included: 30e6, unit: 1e6, price: 0.02 },
  logs: { what: 'log lines', included: 20e6, unit: 1e6, price: 0.6 },
  reads: { what: 'R2 reads (class B)', included: 10e6, unit: 1e6, price: 0.36 },
  stored: { what: 'R2 storage, GB', included: 10, unit: 1, price: 0.015 },
  egress: { what: 'R2 egress, GB', included: 0, unit: 1, price: 0 },
  queue: { what: 'queue operations', included: 1e6, unit: 1e6, price: 0.4 },
  written: { what: 'D1 rows written', included: 50e6, unit: 1e6, price: 1 },
  database: { what: 'D1 storage, GB', included: 5, unit: 1, price: 0.75 },
  quotas: { what: 'Durable Object requests', included: 1e6, unit: 1e6, price: 0.15 },
  points: { what: 'Analytics Engine points', included: 10e6, unit: 1e6, price: 0.25 },
} as const;
type Meter = keyof typeof PRICES;

/** What a visit's telemetry comes to. */
export const TELEMETRY = {
  opening: { events: 3, rowsWritten: 10, rowsDeleted: 3 },
  picture: { events: 4, rowsWritten: 15, rowsDeleted: 5 },
} as const;

/** What is downloaded before a first picture, and the whole store. */
interface Model {
  name: string;
  files: number;
  bytes: number;
}

export const DEMO: Model = { name: 'the demo model', files: 10, bytes: 11.3e6 };

const SHARD_BYTES = 64 * 2 ** 20;
/** Weights in half precision: 860 million of the UNet, 123 of the text encoder, 50 of the decoder; a topology each, the tokenizer, two LoRAs of 20 MB. */
const SD15_GRAPHS = [860e6, 123e6, 50e6].map((weights) => 2 * weights);
export const SD15: Model = {
  name: 'a model of the size of Stable Diffusion 1.5',
  files: SD15_GRAPHS.reduce((sum, bytes) => sum + Math.ceil(bytes / SHARD_BYTES), 0) + SD15_GRAPHS.length + 1 + 2,
  bytes: SD15_GRAPHS.reduce((sum, bytes) => sum + bytes, 0) + 2 * 20e6,
};

/** Nobody has measured these; change them to what your dashboard says. */
const PICTURES_PER_VISIT = 3;
const FIRST_VISITS = 0.6;
const CPU_MS = 2;
/** Of a file that the data centre's cache lacks: once for the visitor, and once for the cache. */
const READS_PER_MISS = 2;
/** A write, a read and a deletion. */
const OPERATIONS_PER_MESSAGE = 3;
const BYTES_PER_EVENT = 250;
const RETENTION_MONTHS = 1;

interface Month {
  model: Model;
  pictures: number;
  /** The share of files that the data centre's cache has: it grows with traffic. */
  cacheShare: number;
}

interface Line {
  meter: Meter;
  /** How `quantity` comes about, to be read by a person. */
  working: string;
  quantity: number;
}

const number = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3))));
const gigabytes = (bytes: number): number => bytes / 1e9;

function lines({ model, pictures, cacheShare }: Month): Line[] {
  const visits = pictures / PICTURES_PER_VISIT;
  const first = visits * FIRST_VISITS;
  const files = first * model.files;
  const requests = 2 * visits + first + files + 2 * pictures + pictures;
  const { opening, picture } = TELEMETRY;
  const events = visits * opening.events + pictures * picture.events;
  const rowsOf = (of: { rowsWritten: number; rowsDeleted: number }): number => of.rowsWritten + of.rowsDeleted;
  const n = number;
  return [
    {
      meter: 'requests',
      working: `2 x ${n(visits)} (page, catalogue) + ${n(first)} (signing) + ${n(first)} x ${model.files} (files) + 2 x ${n(pictures)} (quota, telemetry) + ${n(pictures)} (queue, at most)`,
      quantity: requests,
    },
    { meter: 'cpu', working: `${n(requests)} requests x ${CPU_MS} ms`, quantity: requests * CPU_MS },
    { meter: 'logs', working: 'one a request and one a run of the queue: as many as requests', quantity: requests },
    {
      meter: 'reads',
      working: `${n(files)} files x ${n(1 - cacheShare)} not in the cache x ${READS_PER_MISS} + ${n(visits)} (catalogue, at most)`,
      quantity: files * (1 - cacheShare) * READS_PER_MISS + visits,
    },
    { meter: 'stored', working: `${n(gigabytes(model.bytes))} GB`, quantity: gigabytes(model.bytes) },
    { meter: 'egress', working: `${n(first)} first visits x ${n(gigabytes(model.bytes))} GB`, quantity: first * gigabytes(model.bytes) },
    { meter: 'queue', working: `${n(pictures)} messages x ${OPERATIONS_PER_MESSAGE}`, quantity: pictures * OPERATIONS_PER_MESSAGE },
    {
      meter: 'written',
      working: `${n(visits)} x (${opening.rowsWritten} + ${opening.rowsDeleted}) + ${n(pictures)} x (${picture.rowsWritten} + ${picture.rowsDeleted})`,
      quantity: visits * rowsOf(opening) + pictures * rowsOf(picture),
    },
    {
      meter: 'database',
      working: `${n(events)} events x ${BYTES_PER_EVENT} bytes`,
      quantity: gigabytes(events * BYTES_PER_EVENT * RETENTION_MONTHS),
    },
    { meter: 'quotas', working: `${n(pictures)} pictures + ${n(first)} signings, of sites with a quota`, quantity: pictures + first },
    { meter: 'points', working: `${n(visits)} x ${opening.events} + ${n(pictures)} x ${picture.events} events`, quantity: events },
  ];
}

function dollars({ meter, quantity }: Line): number {
  const { included, unit, price } = PRICES[meter];
  return (Math.max(0, quantity - included) / unit) * price;
}

const money = (amount: number): string => `$${amount.toFixed(2)}`;

/** Dollars a month, the plan included. */
export function total(month: Month): number {
  return lines(month).reduce((sum, line) => sum + dollars(line), PLAN_DOLLARS);
}

/** A Markdown table of one month, with every multiplication. */
export function costTable(month: Month): string {
  const rows = lines(month).map((line) => {
    const { what, included, unit, price } = PRICES[line.meter];
    const rate = price === 0 ? 'free' : `$${price} / ${unit === 1 ? 'GB' : 'million'}`;
    return `| ${what} | ${line.working} | ${number(line.quantity)} | ${price === 0 ? '-' : number(included)} | ${rate} | ${money(dollars(line))} |`;
  });
  return [
    '| what | how | a month | included | beyond | dollars |',
    '| --- | --- | ---: | ---: | --- | ---: |',
    ...rows,
    `| the plan | | | | | ${money(PLAN_DOLLARS)} |`,
    `| **together** | | | | | **${money(total(month))}** |`,
  ].join('\n');
}

export const MONTHS: readonly Month[] = [
  { model: DEMO, pictures: 10_000, cacheShare: 0.2 },
  { model: DEMO, pictures: 1_000_000, cacheShare: 0.9 },
  { model: SD15, pictures: 10_000, cacheShare: 0.2 },
  { model: SD15, pictures: 1_000_000, cacheShare: 0.9 },
];

/** The section of docs/operate.md between its two marks. */
export function costTables(): string {
  return MONTHS.map((month) => {
    const { model, pictures, cacheShare } = month;
    const title = `### ${number(pictures)} pictures a month with ${model.name} (${model.files} files, ${number(model.bytes / 1e6)} MB; ${cacheShare * 100} % of files from the cache)`;
    return `${title}\n\n${costTable(month)}`;
  }).join('\n\n');
}
