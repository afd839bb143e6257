import { html, refusals } from './answers.ts';
import type { Paths } from './operation.ts';
import { ifNoneMatch, site } from './parameters.ts';

export const pagesPaths: Paths = {
  '/embed/studio': {
    get: {
      summary: 'The studio page, for the site’s own pages to frame',
      description: 'A refusal is a small page that posts `{type: "diptych-refused", code, message}` to the page that frames it.',
      tags: ['Pages'],
      parameters: [site],
      responses: {
        200: { description: 'The page.', content: html },
        ...refusals(['site_key_missing', 'site_unknown', 'site_disabled', 'origin_not_allowed', 'rate_limited', 'edge_not_ready'], html),
        ...refusals(['internal']),
      },
    },
  },
  '/embed/assets/engine.js': {
    get: {
      summary: 'The script of the studio’s worker, under a policy of its own',
      tags: ['Pages'],
      parameters: [ifNoneMatch],
      responses: {
        200: { description: 'The script.', content: { 'text/javascript': { schema: { type: 'string' } } } },
        304: { description: 'The script is the one that the client has.' },
        ...refusals(['edge_not_ready', 'internal']),
      },
    },
  },
};
