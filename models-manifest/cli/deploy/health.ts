import { DiptychError } from '../../../shared/errors.ts';

/** A deploy reaches the data centres within seconds. */
const WAIT_MS = 60_000;
const PAUSE_MS = 2000;

/**
 * Asks `/healthz` until it says that all is well.
 *
 * @throws `edge_not_ready` with what it says is missing, or that it does not answer
 */
export async function untilHealthy(origin: string, { waitMs = WAIT_MS, pauseMs = PAUSE_MS } = {}): Promise<void> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const said = await ask(origin);
    if (said === 'ok') return;
    if (Date.now() >= deadline) throw new DiptychError('edge_not_ready', `${origin}/healthz: ${said}`, { origin });
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function ask(origin: string): Promise<string> {
  try {
    const response = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(10_000) });
    const { checks } = (await response.json()) as { checks: Record<string, string> };
    if (response.ok) return 'ok';
    const wrong = Object.entries(checks).filter(([, outcome]) => outcome !== 'ok');
    return wrong.map(([name, outcome]) => `${name}: ${outcome}`).join('; ');
  } catch (thrown) {
    return `no answer (${thrown instanceof Error ? thrown.message : String(thrown)})`;
  }
}

/** Where the Worker answers: the custom domain of wrangler.toml, else the workers.dev address that `wrangler deploy` printed. */
export function deployedOrigin(routes: unknown, printed: string): string | undefined {
  const listed = Array.isArray(routes) ? (routes as { pattern?: string; custom_domain?: boolean }[]) : [];
  const domain = listed.find((route) => route.custom_domain)?.pattern;
  return domain ? `https://${domain}` : /https:\/\/[a-z0-9.-]+\.workers\.dev/.exec(printed)?.[0];
}
