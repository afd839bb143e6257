import { describe, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { mountStudio, type Mounted } from './mount-studio.ts';
import { textContrasts } from './contrast.ts';

const theSwitch = () => page.getByRole('switch', { name: 'Guidance' });
const field = (name: RegExp) => page.getByLabelText(name);

/** A PNG of one colour. */
async function png(width: number, height: number, colour: string): Promise<File> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return new File([await canvas.convertToBlob()], 'mine.png', { type: 'image/png' });
}

function transfer(file: File): DataTransfer {
  const data = new DataTransfer();
  data.items.add(file);
  return data;
}

async function makePicture({ app, model, next }: Mounted): Promise<void> {
  model.setSettings({ ...model.state.settings!, steps: 4 });
  const before = model.state.result;
  await page.getByRole('button', { name: 'Generate', exact: true }).click();
  while (model.state.result === before) await next();
  await app.updateComplete;
}

describe('guidance', () => {
  it('says what it costs before it is on, and adds its download to the rest once it is', async () => {
    await mountStudio();
    await expect.element(theSwitch()).toHaveAccessibleDescription(/about twice as long; about 3\.0 MB more to download, once/);
    const generate = page.getByRole('button', { name: 'Generate', exact: true });
    await expect.element(generate).toHaveAccessibleDescription(/Downloads about 19 MB/);
    await theSwitch().click();
    await expect.element(generate).toHaveAccessibleDescription(/Downloads about 22 MB/);
  });

  it('is switched and set by the keyboard', async () => {
    const { model } = await mountStudio();
    (theSwitch().element() as HTMLElement).focus();
    await userEvent.keyboard(' ');
    await expect.element(theSwitch()).toBeChecked();
    await userEvent.keyboard('{Tab}{ArrowRight}{ArrowRight}');
    await expect.element(page.getByRole('slider', { name: 'Guidance strength' })).toHaveValue('0.07');
    expect(model.state.settings?.guidance).toMatchObject({ on: true, eta: 0.07 });
  });

  it('cannot be switched on where there is nothing to guide by, says so, and can with a picture of the visitor’s own', async () => {
    const { model } = await mountStudio();
    await page.getByRole('radio', { name: /zorp/ }).click();
    await page.getByRole('radio', { name: /riso/ }).click();
    await expect.element(theSwitch()).toBeDisabled();
    await expect.element(theSwitch()).toHaveAccessibleDescription(/There are none of the subject or the style; choose one of your own/);
    await field(/Style\s+Choose or drop a picture/).upload(await png(40, 20, '#ff8000'));
    await expect.element(page.getByRole('img', { name: 'Your style picture: mine.png' })).toBeVisible();
    await theSwitch().click();
    expect(model.state.settings?.guidance.pictures.style?.image).toMatchObject({ width: 40, height: 20 });
    expect(model.state.settings!.guidance.pictures.style!.image.data.slice(0, 4)).toEqual(Uint8ClampedArray.of(255, 128, 0, 255));
  });

  it('takes a large picture that is dropped, at no more than 512 pixels, and lets it be removed', async () => {
    const { model } = await mountStudio();
    await theSwitch().click();
    const dataTransfer = transfer(await png(1024, 300, '#008000'));
    const target = field(/Subject\s+pip’s, or/).element();
    target.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true, composed: true }));
    target.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true, composed: true }));
    await expect.element(page.getByRole('img', { name: 'Your subject picture: mine.png' })).toBeVisible();
    const { width, height, data } = model.state.settings!.guidance.pictures.subject!.image;
    expect([width, height, data.length]).toEqual([512, 150, 512 * 150 * 4]);
    await page.getByRole('button', { name: 'Remove your subject picture' }).click();
    await expect.element(field(/Subject\s+pip’s, or/)).toBeVisible();
    await expect
      .poll(() =>
        field(/Subject\s+pip’s, or/)
          .element()
          .matches(':focus'),
      )
      .toBe(true);
    expect(model.state.settings!.guidance.pictures).toEqual({});
  });

  it('takes a picture that is pasted', async () => {
    const { model } = await mountStudio();
    await theSwitch().click();
    const clipboardData = transfer(await png(8, 8, '#000000'));
    field(/Style\s+knit’s, or/)
      .element()
      .dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, composed: true }));
    await expect.poll(() => model.state.settings?.guidance.pictures.style?.name).toBe('mine.png');
  });

  it('says which file is no picture', async () => {
    const { model } = await mountStudio();
    await theSwitch().click();
    await field(/Subject\s+pip’s, or/).upload(new File(['words'], 'words.txt', { type: 'text/plain' }));
    await expect.element(page.getByText(/words\.txt cannot be read as a picture/)).toBeVisible();
    expect(model.state.settings!.guidance.pictures).toEqual({});
  });

  it('draws the scores as they come, in words and in numbers', async () => {
    const mounted = await mountStudio();
    await theSwitch().click();
    await makePicture(mounted);
    const words = 'Guidance scores. Subject (DINO) from 0.400 to 0.600; Style (CLIP) from 0.500 to 0.800.';
    const chart = page.getByRole('img', { name: words });
    await expect.element(chart).toBeVisible();
    const [subject] = chart.element().querySelectorAll('path.dino');
    // Five points of a rising line: from the left edge to the right, between 0.4 and 0.8.
    expect(subject!.getAttribute('d')).toBe('M0.00 100.00L25.00 87.50L50.00 75.00L75.00 62.50L100.00 50.00');
    await page.getByText('In numbers').nth(1).click();
    const table = page.getByRole('table', { name: 'Cosine with each reference, by step' });
    const rows = [...table.element().querySelectorAll('tr')].map((row) => [...row.children].map((cell) => cell.textContent.trim()));
    expect([rows[0], rows[1], rows.at(-1)]).toEqual([
      ['Step', 'Subject (DINO)', 'Style (CLIP)'],
      ['1', '0.400', '0.500'],
      ['picture', '0.600', '0.800'],
    ]);
  });

  it('draws half a chart in the middle of a run, and none of an unguided one', async () => {
    const mounted = await mountStudio();
    await theSwitch().click();
    mounted.model.setSettings({ ...mounted.model.state.settings!, steps: 4 });
    await expect.poll(() => mounted.model.state.bytesMissing).toBeDefined();
    await page.getByRole('button', { name: 'Generate', exact: true }).click();
    for (let event = 0; event < 3; event++) await mounted.next();
    await expect.element(page.getByRole('img', { name: /Subject \(DINO\) from 0\.400 to 0\.450;/ })).toBeVisible();
    while (!mounted.model.state.result) await mounted.next();
    await theSwitch().click();
    await makePicture(mounted);
    await expect.element(page.getByRole('img', { name: /Guidance scores/ })).not.toBeInTheDocument();
  });

  it.each(['light', 'dark'])('has text of sufficient contrast in the %s theme', async (theme) => {
    const mounted = await mountStudio({ theme });
    await theSwitch().click();
    await field(/Subject\s+pip’s, or/).upload(await png(8, 8, '#ff0000'));
    await field(/Style\s+knit’s, or/).upload(new File(['words'], 'words.txt'));
    await makePicture(mounted);
    await page.getByText('In numbers').nth(1).click();
    const contrasts = textContrasts(document.body);
    for (const text of ['mine.png', '0.400 → 0.600']) expect(contrasts.map((one) => one.text)).toContain(text);
    expect(contrasts.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  });

  it('fits 320 pixels', async () => {
    await page.viewport(320, 640);
    const mounted = await mountStudio({ width: 320 });
    await theSwitch().click();
    await field(/Subject\s+pip’s, or/).upload(await png(8, 8, '#ff0000'));
    await makePicture(mounted);
    expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(320);
    await page.viewport(1000, 800);
  });
});
