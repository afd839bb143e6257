/** The objects of OpenAPI 3.1.0 (https://spec.openapis.org/oas/v3.1.0) that ours uses, each with the fields that it may have. */
import * as v from 'valibot';

const text = v.pipe(v.string(), v.nonEmpty());
const schema = v.looseObject({});
const reference = v.strictObject({ $ref: v.pipe(v.string(), v.startsWith('#/components/')) });
const header = v.union([reference, v.strictObject({ description: v.optional(text), schema })]);
const mediaType = v.strictObject({ schema, example: v.optional(v.unknown()) });
const content = v.record(v.pipe(v.string(), v.regex(/^[a-z]+\/[a-z.+-]+$/)), mediaType);

const parameter = v.strictObject({
  name: text,
  in: v.picklist(['query', 'path', 'header']),
  required: v.boolean(),
  description: text,
  schema,
  example: v.optional(v.unknown()),
});

const response = v.strictObject({ description: text, headers: v.optional(v.record(text, header)), content: v.optional(content) });

const operation = v.strictObject({
  operationId: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]+$/)),
  summary: text,
  description: v.optional(text),
  tags: v.pipe(v.array(text), v.length(1)),
  security: v.optional(v.array(v.record(text, v.array(v.string())))),
  parameters: v.optional(v.array(parameter)),
  requestBody: v.optional(v.strictObject({ required: v.boolean(), content })),
  responses: v.pipe(v.record(v.pipe(v.string(), v.regex(/^[1-5][0-9]{2}$/)), response), v.minEntries(1)),
});

const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const;
const pathItem = v.strictObject(v.entriesFromList(METHODS, v.optional(operation)));

const securityScheme = v.variant('type', [
  v.strictObject({ type: v.literal('http'), scheme: text, description: v.optional(text) }),
  v.strictObject({ type: v.literal('apiKey'), in: v.picklist(['query', 'header', 'cookie']), name: text, description: v.optional(text) }),
]);

export const OpenApiDocument = v.strictObject({
  openapi: v.literal('3.1.0'),
  info: v.strictObject({ title: text, version: text, description: text, license: v.strictObject({ name: text, identifier: text }) }),
  servers: v.array(v.strictObject({ url: text })),
  tags: v.array(v.strictObject({ name: text, description: text })),
  paths: v.record(v.pipe(v.string(), v.startsWith('/')), pathItem),
  components: v.strictObject({
    schemas: v.record(text, schema),
    headers: v.record(text, header),
    securitySchemes: v.record(text, securityScheme),
  }),
});
