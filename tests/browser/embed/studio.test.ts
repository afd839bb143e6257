import { describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { DiptychError } from '../../../shared/errors.ts';
import { textContrasts } from './contrast.ts';
import { mountStudio, pixels, pixelsSoFar } from './mount-studio.ts';

const button = (name: string) => page.getByRole('button', { name, exact: true });

/** Runs a picture of two steps to its end. */
async function makePicture(mounted: Awaited<ReturnType<typeof mountStudio>>): Promise<void> {
  const { model, next } = mounted;
  model.setSettings({ ...model.state.settings!, steps: 2 });
  await button('Generate').click();
  while (!model.state.result) await next();
  await mounted.app.updateComplete;
}

/** The focused element, through shadow trees, as a person would name it. */
function focused(): string {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  if (at instanceof HTMLInputElement && at.type === 'radio') return `radio ${at.value}`;
  return at?.getAttribute('aria-label') ?? at?.textContent?.trim().replace(/\s+/g, ' ') ?? '';
}

describe('studio page', () => {
  it('names every control', async () => {
    await mountStudio();
    await page.getByText('Fine tuning').click();
    for (const name of ['Subject', 'Style']) await expect.element(page.getByRole('group', { name, exact: true })).toBeVisible();
    for (const name of [/pip.*a pip creature/i, /knit/]) await expect.element(page.getByRole('radio', { name })).toBeChecked();
    await expect.element(page.getByRole('textbox', { name: 'Prompt' })).toHaveValue('a pip creature in knit style');
    await expect.element(page.getByRole('spinbutton', { name: 'Seed' })).toHaveValue(5);
    await expect.element(button('New random seed')).toBeVisible();
    await expect.element(page.getByRole('slider', { name: 'Subject strength' })).toHaveValue('1');
    await expect.element(page.getByRole('slider', { name: 'Style strength' })).toHaveValue('1');
    await expect.element(page.getByRole('spinbutton', { name: 'Steps' })).toHaveValue(12);
    await expect.element(page.getByRole('combobox', { name: 'Fusion rule' })).toHaveValue('kl-soft');
    await expect.element(page.getByRole('combobox', { name: 'Layers are measured' })).toHaveValue('every');
    await expect.element(page.getByRole('switch', { name: 'Guidance' })).not.toBeChecked();
  });

  it('says the size beside the button, as its description, before anything is downloaded', async () => {
    await mountStudio();
    await expect.element(button('Generate')).toHaveAccessibleDescription(/Downloads about 19 MB, once/);
    await expect.element(page.getByText('WebGPU on a test adapter.')).toBeVisible();
  });

  it('is walked by Tab in reading order, and its radios by arrows', async () => {
    const { model } = await mountStudio();
    const order: string[] = [];
    for (let i = 0; i < 8; i++) {
      await userEvent.keyboard('{Tab}');
      order.push(focused());
    }
    expect(order).toEqual(['radio pip', 'radio knit', '', '', 'New random seed', 'Fine tuning', '', 'Generate']);
    await userEvent.keyboard('{Shift>}{Tab}{Tab}{Tab}{Tab}{Tab}{Tab}{Tab}{/Shift}');
    expect(focused()).toBe('radio pip');
    await userEvent.keyboard('{ArrowRight}');
    expect(focused()).toBe('radio zorp');
    expect(model.state.settings?.prompt).toBe('a zorp creature in knit style');
  });

  it('keeps a written prompt when another subject is picked', async () => {
    const { model } = await mountStudio();
    await page.getByRole('textbox', { name: 'Prompt' }).fill('two pips at sea');
    await page.getByRole('radio', { name: /zorp/ }).click();
    expect(model.state.settings).toMatchObject({ prompt: 'two pips at sea', subject: { id: 'zorp' } });
  });

  it('refuses a seed that is none, and rolls another', async () => {
    const { model } = await mountStudio();
    const seed = page.getByRole('spinbutton', { name: 'Seed' });
    await seed.fill('4294967296');
    await userEvent.keyboard('{Tab}');
    await expect.element(seed).toHaveValue(5);
    await button('New random seed').click();
    expect(model.state.settings?.seed).not.toBe(5);
  });

  it('says when the site’s day is used up, and at what time of this clock it starts again, however long that stands there', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date(2026, 10, 23, 22, 15) });
    try {
      const used = new DiptychError('quota_exceeded', 'The site may use 5 pictures a day.', { retryAfter: 2 * 3600 });
      const { model, app } = await mountStudio({ admit: () => Promise.reject(used) });
      await button('Generate').click();
      const alert = page.getByRole('alert');
      const again = new Date(2026, 10, 24, 0, 15).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
      const text = `This site’s share of today is used up Come back after ${again}: then it starts again. What is on this device stays. quota_exceeded`;
      await expect.element(alert, { timeout: 5000 }).toHaveTextContent(text);
      expect(model.state).toMatchObject({ progress: undefined, result: undefined, error: { code: 'quota_exceeded' } });
      expect(focused()).toBe('Generate');
      vi.setSystemTime(new Date(2026, 10, 23, 23, 0));
      model.setSettings({ ...model.state.settings!, seed: 9 });
      await app.updateComplete;
      await expect.element(alert, { timeout: 5000 }).toHaveTextContent(text);
    } finally {
      vi.useRealTimers();
    }
  });

  it('shows how far it is, announces it politely, and cancels', async () => {
    const { model, next } = await mountStudio();
    await button('Generate').click();
    const bar = page.getByRole('progressbar');
    await expect.element(bar).toHaveProperty('value', 0.25);
    await expect.element(page.getByText('Downloading: 3.0 MB of 12 MB, 9 s left')).toBeVisible();
    const status = page.elementLocator(document.body).getByRole('status').nth(1); // the first has the warnings
    await expect.element(status).toHaveTextContent('Downloading 12 MB: 25 percent');
    expect(status.element().getAttribute('aria-live')).toBe('polite');
    for (let event = 0; event < 4; event++) await next();
    expect(model.state.progress).toEqual({ phase: 'step', step: 3, steps: 12, secondsLeft: 9 });
    await expect.element(bar).toHaveProperty('value', 0.25);
    expect(model.state.map?.steps).toBe(3);
    await button('Cancel').click();
    await next();
    await expect.element(button('Cancel')).not.toBeInTheDocument();
    expect(focused()).toBe('Generate');
    expect(model.state).toMatchObject({ progress: undefined, error: undefined, result: undefined });
  });

  it('shows the picture at a whole zoom, pixel for pixel, and offers it as a PNG', async () => {
    const mounted = await mountStudio();
    await makePicture(mounted);
    const canvas = page.getByRole('img', { name: 'Picture: a pip creature in knit style' }).element() as HTMLCanvasElement;
    expect([...canvas.getContext('2d')!.getImageData(0, 0, 16, 16).data]).toEqual([...pixels]);
    expect([canvas.clientWidth % 16, getComputedStyle(canvas).imageRendering]).toEqual([0, 'pixelated']);
    expect(canvas.clientWidth).toBeGreaterThan(16 * 8);
    const link = page.getByRole('link', { name: 'Download PNG' }).element() as HTMLAnchorElement;
    expect(link.download).toBe('pip-knit-5.png');
    const decoded = await createImageBitmap(await (await fetch(link.href)).blob());
    expect([decoded.width, decoded.height]).toEqual([16, 16]);
  });

  it('shows the picture so far, and no picture after a run that was cancelled', async () => {
    const { app, model, next } = await mountStudio();
    await button('Generate').click();
    for (let event = 0; event < 5; event++) await next();
    await app.updateComplete;
    const canvas = page.getByRole('img', { name: 'The picture so far' }).element() as HTMLCanvasElement;
    expect([...canvas.getContext('2d')!.getImageData(0, 0, 16, 16).data]).toEqual([...pixelsSoFar]);
    expect(model.state.result).toBeUndefined();
    await button('Cancel').click();
    await next();
    await expect.element(page.getByText('Your picture will appear here.')).toBeVisible();
  });

  it('tells the fusion map in words, by cell and by block', async () => {
    await makePicture(await mountStudio());
    const map = page.getByRole('img', { name: /Fusion map\. 3 layers over 2 steps: 33 percent went to the subject/ });
    (map.element() as HTMLElement).focus();
    await userEvent.keyboard('{ArrowDown}{ArrowRight}{ArrowDown}');
    const cell = 'Step 2, mid_block.attentions.0.to_q: style (change 0 by the subject, 1.0 by the style)';
    await expect.element(page.getByText(cell)).toBeVisible();
    await page.getByText('In numbers').click();
    const rows = page
      .getByRole('row')
      .elements()
      .map((row) => [...row.children].map((cell) => cell.textContent!.trim()));
    expect(rows).toEqual([
      ['Block', 'Layers', 'Subject', 'Style'],
      ['down 0', '1', '100 %', '0 %'],
      ['mid', '1', '0 %', '100 %'],
      ['up 0', '1', '0 %', '100 %'],
      ['all', '3', '33 %', '67 %'],
    ]);
  });

  it('paints the map in two hues whose strength follows the KL pair', async () => {
    await makePicture(await mountStudio());
    const canvas = page.getByRole('img', { name: /Fusion map/ }).element() as HTMLCanvasElement;
    const { width, height } = canvas;
    const at = (row: number) => {
      const [red, green, blue, alpha] = canvas
        .getContext('2d')!
        .getImageData(width * 0.7, ((height / devicePixelRatio - 22) * (row + 0.5) * devicePixelRatio) / 3, 1, 1).data;
      return { red: red!, green: green!, blue: blue!, alpha: alpha! };
    };
    const [subject, style, faint] = [at(0), at(1), at(2)];
    expect(subject.blue).toBeGreaterThan(subject.red + 80);
    expect(style.red).toBeGreaterThan(style.blue + 80);
    expect([subject.alpha, style.alpha]).toEqual([255, 255]);
    expect(faint.alpha).toBeLessThan(100);
  });

  it.each(['light', 'dark'])('has text of sufficient contrast in the %s theme', async (theme) => {
    const mounted = await mountStudio({ theme });
    await makePicture(mounted);
    await page.getByText('Fine tuning').click();
    await page.getByRole('switch', { name: 'Guidance' }).click();
    const contrasts = textContrasts(document.body);
    expect(contrasts.length).toBeGreaterThan(20);
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  });

  it('fits 320 pixels', async () => {
    await page.viewport(320, 640);
    const mounted = await mountStudio({ width: 320 });
    await makePicture(mounted);
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(320);
    await page.viewport(1000, 800);
  });
});
