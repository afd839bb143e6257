import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin';
import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

/** Debian's Chromium with WebGPU on its software adapter; without the quiet flags it looks for hosts that are not there. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

const EDGE_TEST_ADMIN_TOKENS = 'tester:0123456789abcdef0123456789abcdef,previous:fedcba9876543210fedcba9876543210';

/** The keys of 32 bytes 0x01 and 32 bytes 0x02. */
const EDGE_TEST_KEYS = `new:${Buffer.alloc(32, 1).toString('base64')},old:${Buffer.alloc(32, 2).toString('base64')}`;

export default defineConfig({
  test: {
    // The edge writes a line a request: shown for tests that fail.
    silent: 'passed-only',
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], environment: 'node', testTimeout: 60_000 } },
      { test: { name: 'e2e', include: ['tests/e2e/**/*.test.ts'], environment: 'node', testTimeout: 600_000, hookTimeout: 180_000 } },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              // Fixed, so that docs/signing.md can hold test vectors.
              bindings: {
                SIGNING_KEYS: EDGE_TEST_KEYS,
                ADMIN_TOKEN: EDGE_TEST_ADMIN_TOKENS,
                TEST_MIGRATIONS: await readD1Migrations('worker/migrations'),
              },
              // A small page in place of the built one: these tests need no build.
              assets: { directory: 'tests/edge/assets', binding: 'ASSETS' },
            },
          })),
        ],
        test: { name: 'edge', include: ['tests/edge/**/*.test.ts'], setupFiles: ['tests/edge/setup.ts'] },
      },
      {
        // Found while a test runs, a dependency would be bundled then, and the page reloaded under the test.
        optimizeDeps: {
          include: [
            'onnxruntime-web/jspi',
            'onnxruntime-web/webgpu',
            'onnxruntime-web/wasm',
            'comlink',
            'valibot',
            'lit',
            '@bufbuild/protobuf',
            '@bufbuild/protobuf/codegenv2',
            '@huggingface/tokenizers',
          ],
        },
        test: {
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 600_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: CHROMIUM_FLAGS } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      },
    ],
  },
});
