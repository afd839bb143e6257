import { expect, test } from 'vitest';
import {
  BREAKDOWNS,
  DEFAULT_LIMIT,
  DIMENSIONS,
  FIGURES,
  FUNNEL,
  INTERVALS,
  LIVE_MINUTES,
  MAX_GPU_CLASSES,
  MAX_LIMIT,
  MAX_PERIOD_DAYS,
  MAX_POINTS,
  UNSUPPORTED_CODES,
} from '../../shared/analytics.ts';
import documentation from '../../docs/analytics.md?raw';
import { openApi } from '../../worker/openapi/document.ts';

test.for([...FIGURES, ...BREAKDOWNS, ...Object.keys(DIMENSIONS), ...INTERVALS, ...UNSUPPORTED_CODES])('%s is documented', (name) => {
  expect(documentation).toContain(`\`${name}\``);
});

test.for([
  `At most ${MAX_PERIOD_DAYS} days`,
  `At most ${MAX_POINTS} points`,
  `1 to ${MAX_LIMIT}, default ${DEFAULT_LIMIT}`,
  `the ${MAX_GPU_CLASSES} with the`,
  `the last ${LIVE_MINUTES} minutes`,
  `\`funnel\`: ${FUNNEL.join(', ')}`,
])('it says: %s', (text) => {
  expect(documentation).toContain(text);
});

test('its table of parameters is that of OpenAPI', () => {
  const rows = documentation
    .slice(documentation.indexOf('## Parameters'), documentation.indexOf('## Figures'))
    .matchAll(/^\| (`.*?`) \|/gm);
  const documented = [...rows].flatMap(([, cell]) => cell!.split(', ').map((name) => name.replaceAll('`', '')));
  const { parameters } = openApi.paths['/v1/sites/{id}/analytics']!.get!;
  expect(documented).toEqual(parameters!.filter((parameter) => parameter.in === 'query').map(({ name }) => name));
});
