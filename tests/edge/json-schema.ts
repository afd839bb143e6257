/** The part of JSON Schema (2020-12) that `/openapi.json` uses. */
interface Schema {
  [keyword: string]: unknown;
}

type Check = (expected: never, value: unknown, schema: Schema) => string[] | string | boolean;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const TYPES: Record<string, (value: unknown) => boolean> = {
  object: isObject,
  array: Array.isArray,
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
};

/** What only explains. `format` is an annotation unless a validator is told otherwise. */
const ANNOTATIONS = new Set(['description', 'format', 'default', 'examples', 'title']);

const within = (name: string | number, found: string[]): string[] => found.map((fault) => `/${name}${fault}`);

/** Each keyword holds, or says what does not, or where below. */
const CHECKS: Record<string, Check> = {
  type: (types: string | string[], value) => [types].flat().some((type) => TYPES[type]!(value)),
  enum: (members: unknown[], value) => members.includes(value),
  const: (member: unknown, value) => member === value,
  pattern: (pattern: string, value) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value),
  minLength: (least: number, value) => typeof value !== 'string' || value.length >= least,
  maxLength: (most: number, value) => typeof value !== 'string' || value.length <= most,
  minimum: (least: number, value) => typeof value !== 'number' || value >= least,
  maximum: (most: number, value) => typeof value !== 'number' || value <= most,
  minItems: (least: number, value) => !Array.isArray(value) || value.length >= least,
  maxItems: (most: number, value) => !Array.isArray(value) || value.length <= most,
  required: (names: string[], value) => (isObject(value) ? names.filter((name) => !(name in value)).map((name) => ` lacks ${name}`) : []),
  items: (schema: Schema, value) => (Array.isArray(value) ? value.flatMap((item, index) => within(index, faults(schema, item))) : []),
  properties: (schemas: Record<string, Schema>, value) =>
    isObject(value)
      ? Object.entries(schemas).flatMap(([name, schema]) => (name in value ? within(name, faults(schema, value[name])) : []))
      : [],
  additionalProperties: (rest: boolean | Schema, value, { properties = {} }) => {
    const others = isObject(value) ? Object.entries(value).filter(([name]) => !(name in (properties as object))) : [];
    if (typeof rest === 'boolean') return rest ? [] : others.map(([name]) => ` must not have ${name}`);
    return others.flatMap(([name, member]) => within(name, faults(rest, member)));
  },
};

/**
 * What is wrong with `value` by `schema`; of a reference nothing, as what it leads to is given by itself.
 *
 * @throws where the schema has a keyword that is not checked here: add it above
 */
export function faults(schema: Schema, value: unknown): string[] {
  if ('$ref' in schema) return [];
  return Object.entries(schema).flatMap(([keyword, expected]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const check = CHECKS[keyword];
    if (!check) throw new Error(`the schema's keyword ${keyword} is unknown`);
    const result = check(expected as never, value, schema);
    if (typeof result !== 'boolean') return result;
    return result ? [] : [`: ${JSON.stringify(value)?.slice(0, 100)} is not of ${keyword} ${JSON.stringify(expected).slice(0, 100)}`];
  });
}
