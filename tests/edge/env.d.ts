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
    SIGNING_KEYS: string;
    ADMIN_TOKEN: string;
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[];
  }
  interface GlobalProps {
    mainModule: typeof import('../../worker/index.ts');
  }
}
