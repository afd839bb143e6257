import { MAX_BATCH_EVENTS, MAX_EVENT_AGE_MS, MAX_TELEMETRY_BYTES } from '../../shared/telemetry-limits.ts';
import { TELEMETRY_COLUMNS, TELEMETRY_EVENTS } from '../../shared/telemetry.ts';
import { json, refusals, SITE_CODES } from './answers.ts';
import type { Paths } from './operation.ts';
import { requiredOrigin, site } from './parameters.ts';

const JSON_TYPES = { TEXT: 'string', INTEGER: 'integer', REAL: 'number' } as const;

const telemetryEvent = {
  type: 'object',
  required: ['event', 'age_ms'],
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(Object.entries(TELEMETRY_COLUMNS).map(([name, { sql }]) => [name, { type: JSON_TYPES[sql] }])),
    event: { enum: TELEMETRY_EVENTS },
    age_ms: { type: 'integer', minimum: 0, maximum: MAX_EVENT_AGE_MS, description: 'How long before the batch was sent.' },
  },
};

const telemetryBatch = {
  type: 'object',
  required: ['batch', 'events'],
  additionalProperties: false,
  properties: {
    batch: { type: 'string', format: 'uuid', description: 'Fresh and random for each batch; a batch sent twice counts once.' },
    events: { type: 'array', minItems: 1, maxItems: MAX_BATCH_EVENTS, items: telemetryEvent },
  },
};

const example = { batch: '0b3c5f5e-6f0a-4c1e-9d0f-6a1d2e3f4a5b', events: [{ event: 'view', age_ms: 1200 }] };

export const telemetryPaths: Paths = {
  '/v1/telemetry': {
    post: {
      summary: 'Records a batch of events',
      description: `At most ${MAX_TELEMETRY_BYTES} bytes, as \`navigator.sendBeacon\` sends them. Fields that are not listed are refused.`,
      tags: ['Studio'],
      parameters: [site, requiredOrigin],
      requestBody: { required: true, content: { ...json(telemetryBatch, example), 'text/plain': { schema: telemetryBatch } } },
      responses: {
        202: { description: 'Taken; it is written soon. Not written where `Sec-GPC: 1` or `DNT: 1` came with it.' },
        ...refusals([...SITE_CODES, 'origin_not_allowed', 'request_invalid', 'payload_too_large']),
      },
    },
  },
};
