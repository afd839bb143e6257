/** `npm start`: the demo, end to end, on this machine. */
import { build } from '../../../client/build.ts';
import { serveDemo } from '../../../client/demo/serve.ts';
import { megabytes, openConsole, reportError } from '../console.ts';
import { LOCAL_STATE } from '../publish/local-platform.ts';
import { Store } from '../store.ts';
import { DEMO_SITE, ensureSecrets, fillEdge, freePort, startEdge } from './local-edge.ts';
import { seedStore } from './seed-store.ts';

const EDGE_PORT = 8787;
const out = openConsole(false);

async function timed<T>(label: string, work: () => Promise<T>, tell: (result: T) => string): Promise<T> {
  const started = performance.now();
  const result = await work();
  out.line(`${label.padEnd(16)} ${tell(result)} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return result;
}

async function start(): Promise<void> {
  const store = new Store('.diptych/store');
  await timed('Client', build, () => 'built');
  const bar = out.progress('Preparing');
  const onStage = (stage: string, done: number, total: number) => bar.update(done, total, stage);
  await timed(
    'Demo model',
    () => seedStore(store, onStage),
    (fresh) => (fresh ? 'prepared' : 'is prepared'),
  );
  await ensureSecrets();
  const sending = out.progress('Publishing');
  const fill = () => fillEdge(store, LOCAL_STATE, ['http://localhost:*'], (done, total) => sending.update(done, total, megabytes(done)));
  await timed('Local store', fill, ({ loras, bytesSent }) => `holds the model and ${loras} LoRAs; ${megabytes(bytesSent)} were new`);
  const port = await freePort(EDGE_PORT);
  const edge = await timed(
    'Edge',
    () => startEdge(LOCAL_STATE, port),
    ({ origin }) => `answers on ${origin}`,
  );
  const demo = await serveDemo({ edge: edge.origin, site: DEMO_SITE, port: await freePort(port + 1) });
  const stop = async (): Promise<void> => {
    demo.server.closeAllConnections();
    demo.server.close();
    await edge.stop();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());
  out.line(`
  Open  ${demo.origin}

  A page of its own that embeds the widget from the edge on ${edge.origin}.
  Usage and sites: ${edge.origin}/admin, with the part of ADMIN_TOKEN in .dev.vars that follows "local:".
  npm run seed:analytics fills it for a look; npx diptych site --edge ${edge.origin} list does without a page.
  Ctrl-C ends all.
`);
}

try {
  await start();
} catch (thrown) {
  process.exitCode = reportError(thrown, false);
}
