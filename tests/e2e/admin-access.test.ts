/** The dashboard for everybody: who signs in, on a phone, by keyboard, with a screen reader, in the dark, and in front of strangers' words. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { accessibleNodes, nameless } from './accessible-names.ts';
import { type AdminEdge, figuresShown, lookAt, openAdminEdge } from './admin-edge.ts';
import { contrast, isLegible, seenTexts } from './text-contrast.ts';

const HOSTILE = '<img src=x onerror=alert(1)> </script><script>alert(2)</script>';
const LONG = 'w'.repeat(60);

let edge: AdminEdge;

beforeAll(async () => {
  edge = await openAdminEdge(300, async (all) => {
    // Only identifiers get into telemetry; whatever were in the tables all the same, the page must show it as text, and hold it.
    await all(`UPDATE telemetry_hours SET subject = '${HOSTILE}' WHERE subject = 'zorp'`);
    await all(`UPDATE telemetry_hours SET style = '${LONG}' WHERE style = 'knit'`);
    await all(`UPDATE telemetry_hours SET gpu_architecture = '${HOSTILE}' WHERE gpu_architecture = 'ampere'`);
    await all(`UPDATE telemetry_histograms SET gpu_architecture = '${HOSTILE}' WHERE gpu_architecture = 'ampere'`);
    await all(`UPDATE telemetry_hours SET code = '${HOSTILE}' WHERE code = 'download_failed'`);
    await all(`UPDATE sites SET name = '${HOSTILE}' WHERE id = 'seeded-arcade'`);
  });
}, 120_000);

afterAll(() => edge?.close());

/** What has the focus, shadow roots included. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    return `${at?.tagName.toLowerCase()} ${(at?.getAttribute('aria-label') ?? at?.id) || at?.textContent?.trim().replaceAll(/\s+/g, ' ').slice(0, 40)}`;
  });

describe('signing in', () => {
  test('a token that is refused is told so; the right one opens the page, stays in the tab, and is gone after signing out', async () => {
    const { page } = await lookAt(edge, '?period=7d', { signedIn: false });
    const token = page.getByLabel('Admin token');
    await token.waitFor();
    expect(await page.getByRole('alert').innerText()).toBe('');
    expect(await focused(page)).toBe('input token');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'Enter a token first' }).waitFor();
    await token.fill('wrong'.repeat(10));
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'This token is not accepted' }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await token.fill(` ${edge.token} `);
    await page.keyboard.press('Enter');
    await figuresShown(page);
    expect(await page.evaluate(() => [Object.values(sessionStorage), localStorage.length, document.cookie])).toEqual([[edge.token], 0, '']);
    expect(page.url()).toBe(`${edge.origin}/admin?period=7d`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await token.waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await page.context().close();
  });

  test('the page itself holds no figure, runs no script but its own, and is framed by nobody', async () => {
    const response = await fetch(`${edge.origin}/admin`);
    const html = await response.text();
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
    );
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    const assets = [...html.matchAll(/"(\/admin\/assets\/[^"]+)"/g)].map(([, path]) => path!);
    expect(assets.map((path) => path.replace(/-[A-Z0-9]{8}\./, '-HASH.'))).toEqual([
      '/admin/assets/admin-HASH.css',
      '/admin/assets/admin-HASH.js',
    ]);
    for (const path of assets) expect((await fetch(edge.origin + path)).headers.get('cache-control')).toContain('immutable');
  });
});

test('strangers’ words are text', async () => {
  const { page, complaints } = await lookAt(edge, `?by=site`);
  await figuresShown(page);
  for (const part of ['admin-most-used', 'admin-errors', 'admin-breakdown'])
    await page.locator(part).getByRole('button', { name: HOSTILE }).waitFor();
  await page
    .locator('admin-speed')
    .getByRole('button', { name: `nvidia ${HOSTILE}` })
    .waitFor();
  await page.locator('admin-most-used').getByRole('button', { name: HOSTILE }).click();
  await figuresShown(page);
  await page.getByRole('button', { name: `Remove filter Subject ${HOSTILE}` }).waitFor();
  await page.getByRole('combobox', { name: 'Site' }).selectOption({ label: HOSTILE });
  await page.getByRole('heading', { name: HOSTILE, level: 1 }).waitFor();
  await page.getByRole('link', { name: 'Sites' }).click();
  await page.getByRole('link', { name: HOSTILE }).click();
  await page.getByRole('heading', { name: HOSTILE, level: 1 }).waitFor();
  expect(await page.locator('admin-app').locator('img, script').count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

const PAGES = [
  { name: 'usage', query: '' },
  {
    name: 'usage, filtered, of days of one’s own',
    query: `?from=2026-01-01&to=2026-12-31&filter=style=${LONG}&filter=backend=webgpu&metric=errors`,
  },
  { name: 'sites', query: '?page=sites' },
  { name: 'a site', query: '?page=sites&site=seeded-arcade' },
  { name: 'signing in', query: '?signed=out' },
];

async function open(query: string, look: { width?: number; colorScheme?: 'light' | 'dark' } = {}): Promise<Page> {
  const signedIn = query !== '?signed=out';
  const { page } = await lookAt(edge, query, { ...look, signedIn });
  if (!signedIn) await page.getByLabel('Admin token').waitFor();
  else if (query === '?page=sites') await page.getByRole('link', { name: 'Atelier (seeded)' }).waitFor();
  else if (query.includes('page=sites')) await page.getByRole('heading', { name: 'Audit' }).waitFor();
  else await figuresShown(page);
  return page;
}

test.for(PAGES)('$name fits a phone of 360 pixels', async ({ query }) => {
  const page = await open(query, { width: 360 });
  // What is wide, such as a table of many columns, scrolls within itself.
  const wide = await page.evaluate(() => [document.documentElement.scrollWidth, document.body.getBoundingClientRect().right]);
  expect(wide).toEqual([360, 360]);
  const outside = await page.evaluate(() => {
    const found: string[] = [];
    const look = (element: Element): void => {
      const box = element.getBoundingClientRect();
      if (element.matches('.scroll, .visually-hidden, .skip')) return;
      if (box.width > 0 && (box.right > 360.5 || box.left < -0.5))
        found.push(`${element.tagName} ${element.className} ${box.left} ${box.right}`);
      for (const child of [...element.children, ...(element.shadowRoot?.children ?? [])]) look(child);
    };
    look(document.body);
    return found;
  });
  expect(outside).toEqual([]);
  await page.context().close();
});

describe.for(['light', 'dark'] as const)('in %s', (colorScheme) => {
  test.for(PAGES)('$name is legible, and everything in it has a name', async ({ query }) => {
    const page = await open(query, { colorScheme });
    const texts = await seenTexts(page);
    expect(texts.length).toBeGreaterThan(4);
    expect(texts.filter((text) => !isLegible(text))).toEqual([]);
    const nodes = await accessibleNodes(page);
    expect(nameless(nodes)).toEqual([]);
    const headings = nodes.filter(({ role }) => role === 'heading');
    expect(headings.filter(({ level }) => level === 1)).toHaveLength(1);
    expect(headings.every(({ level }) => level === 1 || level === 2)).toBe(true);
    await page.context().close();
  });

  test('charts are painted in this scheme’s colours, which tell their parts from the ground', async () => {
    // They follow when the scheme changes, as it does at nightfall.
    const page = await open('', { colorScheme: colorScheme === 'dark' ? 'light' : 'dark' });
    await page.emulateMedia({ colorScheme });
    const painted = await page.locator('admin-weights canvas').evaluate((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      const colours = new Map<string, number>();
      for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] === 255) {
          const colour = `rgb(${data[i]}, ${data[i + 1]}, ${data[i + 2]})`;
          colours.set(colour, (colours.get(colour) ?? 0) + 1);
        }
      const style = getComputedStyle(canvas);
      const of = (name: string): string => style.getPropertyValue(name);
      return {
        accent: colours.get(of('--accent')) ?? 0,
        soft: colours.get(of('--accent-soft')) ?? 0,
        colours: ['--accent', '--accent-soft', '--surface'].map(of),
      };
    });
    expect(painted.accent).toBeGreaterThan(500);
    expect(painted.soft).toBeGreaterThan(500);
    const [accent, soft, ground] = painted.colours;
    // WCAG 2.2, 1.4.11: 3 for what a graphic is understood by. The parts of one pile are told apart by their place and by the table as well.
    for (const part of [accent!, soft!]) expect(contrast(part, ground!)).toBeGreaterThanOrEqual(3);
    await page.context().close();
  });
});

describe('by keyboard alone', () => {
  test('skips to the content, chooses a period, exports, filters, and never loses the place', async () => {
    const { page } = await lookAt(edge, '');
    await figuresShown(page);
    const press = async (...keys: string[]): Promise<string> => {
      for (const key of keys) await page.keyboard.press(key);
      return focused(page);
    };
    expect(await press('Tab')).toBe('a Skip to the content');
    expect(
      await page.getByRole('link', { name: 'Skip to the content' }).evaluate((link) => link.getBoundingClientRect().top),
    ).toBeGreaterThanOrEqual(0);
    expect(await press('Enter')).toMatch(/^main/);
    expect(await press('Tab')).toBe('select site');
    expect(await press('Tab', 'ArrowRight')).toMatch(/^input/);
    await figuresShown(page);
    expect(new URL(page.url()).searchParams.get('period')).toBe('90d');
    expect(await press('Tab', 'Tab')).toBe('summary Export');
    expect(await press('Enter', 'Tab')).toBe('button Over time, CSV');
    expect(await press('Escape')).toBe('summary Export');
    expect(await page.getByRole('button', { name: 'Over time, CSV' }).isVisible()).toBe(false);
    await press('Tab', 'Tab', 'Enter');
    await page.getByRole('heading', { name: 'Pictures over time' }).waitFor();
    expect(await page.locator('[data-metric=pictures]').getAttribute('aria-pressed')).toBe('true');
    // The row that is chosen leaves the others, so that the last of them, where the focus is, is gone with the answer.
    await page.locator('admin-breakdown tbody button').last().focus();
    await press('Enter');
    await figuresShown(page);
    await page.locator('admin-filter-chips').getByRole('button').waitFor();
    await expect.poll(() => focused(page)).not.toMatch(/^body/);
    await page.locator('admin-filter-chips').getByRole('button').focus();
    await press('Enter');
    await expect.poll(() => focused(page)).toMatch(/^main/);
    await page.context().close();
  });

  test('every stop shows where one is, and none is a trap', async () => {
    const { page } = await lookAt(edge, '');
    await figuresShown(page);
    const stops: string[] = [];
    for (let at = ''; stops.length < 200; stops.push(at)) {
      await page.keyboard.press('Tab');
      at = await focused(page);
      if (at.startsWith('body')) break;
      const outline = await page.evaluate(() => {
        let element = document.activeElement!;
        while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
        // A radio button lies unseen over the label that shows it.
        const shown = element.matches('[type=radio]') ? element.nextElementSibling! : element;
        const { outlineStyle, outlineWidth } = getComputedStyle(shown);
        return outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2;
      });
      expect(outline, at).toBe(true);
    }
    expect(stops.length).toBeGreaterThan(30);
    expect(stops.length).toBeLessThan(200);
    // Eight totals in their order, after the controls.
    const tiles = ['Views', 'Pictures', 'Completion', 'Errors', 'Downloaded', 'From cache', 'Unsupported', 'Subject’s share'];
    const first = stops.findIndex((stop) => stop.startsWith('button Views'));
    expect(stops.slice(first, first + tiles.length).every((stop, i) => stop.startsWith(`button ${tiles[i]}`))).toBe(true);
    await page.context().close();
  });
});
