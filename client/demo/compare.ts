import { asDiptychError } from '../../shared/errors.ts';
import { RULES } from '../../shared/rules.ts';
import type { Picture, RunProgress, StepProgress } from '../embed/messages.ts';
import type { StudioElement } from '../embed/studio-element.ts';

/** `<diptych-studio>` with the properties that reflect its attributes. */
type Studio = StudioElement & { rule: string | null; seed: number | null };

const PRESET = ['kl', 'kl-soft'] as const;

/** Makes the studio's picture by two rules on one seed, one after the other, and shows both. */
export function startCompare(form: HTMLFormElement, studio: HTMLElement): void {
  const widget = studio as Studio;
  const status = form.querySelector('output')!;
  const button = form.querySelector('button')!;
  const sides = [...form.querySelectorAll('fieldset')].map((side, k) => readSide(side, PRESET[k]!));
  const seed = form.querySelector<HTMLInputElement>('input[name=seed]')!;
  const fields = [seed, ...sides.map(({ rule }) => rule)];
  let running = false;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (running) return widget.cancel();
    running = true;
    button.textContent = 'Cancel';
    for (const field of fields) field.disabled = true;
    try {
      await customElements.whenDefined(widget.localName);
      for (const side of sides) side.show(undefined);
      for (const side of sides) side.show(await pictureBy(widget, side.rule.value, seed.valueAsNumber, (text) => (status.value = text)));
      status.value = 'Same seed, same steps, same prompt: what differs is the rule.';
    } catch (thrown) {
      status.value = asDiptychError(thrown).message;
    } finally {
      running = false;
      button.textContent = 'Compare';
      for (const field of fields) field.disabled = false;
    }
  });
}

interface Side {
  rule: HTMLSelectElement;
  show(made: { picture: Picture; seconds: number } | undefined): void;
}

function readSide(side: HTMLFieldSetElement, preset: string): Side {
  const rule = side.querySelector('select')!;
  const image = side.querySelector('img')!;
  const caption = side.querySelector('figcaption')!;
  rule.append(...RULES.map((name) => new Option(name, name, name === preset, name === preset)));
  return {
    rule,
    show(made) {
      if (image.src) URL.revokeObjectURL(image.src);
      image.hidden = made === undefined;
      if (made) image.src = URL.createObjectURL(made.picture.blob);
      else image.removeAttribute('src');
      image.alt = made ? `The picture by ${rule.value}` : '';
      caption.textContent = made ? `${rule.value}, ${made.seconds.toFixed(1)} s` : '';
    },
  };
}

/** The widget's picture by a rule and a seed, which are the visitor's again afterwards. */
async function pictureBy(widget: Studio, rule: string, seed: number, tell: (text: string) => void) {
  const listening = new AbortController();
  const { signal } = listening;
  let started: number | undefined;
  widget.addEventListener('diptych-progress', (event) => tell(progressText((event as CustomEvent<RunProgress>).detail)), { signal });
  widget.addEventListener(
    'diptych-step',
    (event) => {
      const { step, steps } = (event as CustomEvent<StepProgress>).detail;
      started ??= performance.now();
      tell(`${rule}: step ${step} of ${steps}`);
    },
    { signal },
  );
  widget.seed = seed;
  widget.rule = rule;
  tell(`${rule}: starting`);
  const from = performance.now();
  try {
    const picture = await widget.generate();
    return { picture, seconds: (performance.now() - (started ?? from)) / 1000 };
  } finally {
    listening.abort();
    widget.rule = null;
    widget.seed = null;
  }
}

function progressText(progress: RunProgress): string {
  switch (progress.phase) {
    case 'consent':
      return 'The studio above asks whether it may download the model.';
    case 'download':
      return `Downloading: ${Math.floor((100 * progress.loaded) / Math.max(progress.total, 1))} percent`;
    case 'pause':
      return `Goes on in ${Math.ceil(progress.seconds)} s`;
    case 'prepare':
      return `Preparing the networks: ${progress.index + 1} of ${progress.count}`;
    case 'decode':
      return 'Decoding';
  }
}
