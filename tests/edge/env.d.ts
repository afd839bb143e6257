declare module '*?raw' {
  const text: string;
  export default text;
}

declare namespace Cloudflare {
  interface Env {
    ASSETS: Fetcher;
    WEIGHTS: R2Bucket;
    DB: D1Database;
    TELEMETRY: Queue;
    ARCHIVE: R2Bucket;
    QUOTAS: DurableObjectNamespace<import('../../worker/limits/quotas.ts').Quotas>;
    LIMIT_CLIENT: RateLimit;
    LIMIT_WEIGHTS: RateLimit;
    LIMIT_SITE: RateLimit;
    LIMIT_ADMIN: RateLimit;
    SIGNING_KEYS: string;
    ADMIN_TOKEN: string;
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[];
  }
  interface GlobalProps {
    mainModule: typeof import('../../worker/index.ts');
  }
}
