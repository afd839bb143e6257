/** A request that is about to be sent. `body` is sent as it is. */
export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/** What the corpus is made of: names that are valid on the edge under test. */
export interface Valid {
  origin: string;
  key: string;
  site: string;
  token: string;
  /** Path and query of a signed address, and the file's hash. */
  address: string;
  sha256: string;
}

const BATCH = {
  batch: '0b3c5f5e-6f0a-4c1e-9d0f-6a1d2e3f4a5b',
  events: [
    { event: 'view', age_ms: 12 },
    {
      event: 'generate_complete',
      age_ms: 5,
      duration_ms: 900,
      backend: 'wasm',
      model: 'demo',
      subject: 'pip',
      style: 'knit',
      rule: 'kl',
      steps: 20,
    },
  ],
};

/** A valid request for every route, from which mutations start. */
export function corpus({ origin, key, site, token, address, sha256 }: Valid): Sent[] {
  const page = { origin, 'content-type': 'application/json' };
  const admin = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const get = (path: string, headers: Record<string, string> = {}): Sent => ({ method: 'GET', path, headers });
  const post = (path: string, headers: Record<string, string>, body: unknown): Sent => ({
    method: 'POST',
    path,
    headers,
    body: JSON.stringify(body),
  });
  return [
    get(`/v1/manifest?site=${key}`, { origin }),
    post(`/v1/downloads?site=${key}`, page, { hashes: [sha256] }),
    get(address),
    get(address, { range: 'bytes=5-99', 'if-range': `"${sha256}"` }),
    { method: 'HEAD', path: address, headers: { 'if-none-match': `"${sha256}"` } },
    post(`/v1/telemetry?site=${key}`, page, BATCH),
    post(`/v1/generations?site=${key}`, page, {}),
    get(`/embed/studio?site=${key}`, { 'sec-fetch-dest': 'iframe', referer: `${origin}/page` }),
    get('/embed/assets/engine.js'),
    get('/openapi.json'),
    get('/healthz'),
    { method: 'OPTIONS', path: `/v1/downloads?site=${key}`, headers: { origin, 'access-control-request-method': 'POST' } },
    get('/v1/sites?limit=5', admin),
    post('/v1/sites', admin, {
      name: 'Fuzz',
      origins: ['https://*.fuzz.example'],
      models: null,
      loras: ['pip'],
      dailyBytes: 1e9,
      dailyGenerations: 5,
      disabled: false,
    }),
    get(`/v1/sites/${site}`, admin),
    { method: 'PATCH', path: `/v1/sites/${site}`, headers: admin, body: JSON.stringify({ name: 'Fuzzed', dailyBytes: null }) },
    post(`/v1/sites/${site}/keys`, admin, { overlap: 60 }),
    { method: 'DELETE', path: `/v1/sites/${site}/keys/pk_none`, headers: admin },
    get(`/v1/sites/${site}/audit?limit=3`, admin),
    get(`/v1/sites/${site}/usage`, admin),
    get('/v1/audit?limit=3&cursor=9', admin),
    get('/v1/sites/all/analytics?from=2026-11-01&to=2026-11-08&interval=day&breakdown=gpu&filter=rule%3Dkl', admin),
    get(`/v1/sites/${site}/analytics?format=csv`, admin),
  ];
}
