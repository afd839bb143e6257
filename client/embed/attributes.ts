import { RULES } from '../../shared/rules.ts';
import { ETA_MAX, STRENGTH_MAX, type StudioOptions, THEMES } from './messages.ts';

/**
 * Properties of `<diptych-studio>` and the attributes that they reflect. Every HTMLElement has `style` for its CSS declarations, and a strict
 * Content-Security-Policy reports any `style="..."`; hence `styleId` and `style-id`. `style="knit"` is read too.
 */
const PROPERTIES: Readonly<Record<string, { attribute: string; type: 'text' | 'number' }>> = {
  site: { attribute: 'site', type: 'text' },
  subject: { attribute: 'subject', type: 'text' },
  styleId: { attribute: 'style-id', type: 'text' },
  prompt: { attribute: 'prompt', type: 'text' },
  seed: { attribute: 'seed', type: 'number' },
  steps: { attribute: 'steps', type: 'number' },
  theme: { attribute: 'theme', type: 'text' },
  telemetry: { attribute: 'telemetry', type: 'text' },
  rule: { attribute: 'rule', type: 'text' },
  subjectStrength: { attribute: 'subject-strength', type: 'number' },
  styleStrength: { attribute: 'style-strength', type: 'number' },
  guidance: { attribute: 'guidance', type: 'number' },
};

export const OBSERVED_ATTRIBUTES: readonly string[] = [...Object.values(PROPERTIES).map(({ attribute }) => attribute), 'style'];

/** Gives `prototype` the properties, each of which is its attribute: `null` when absent or not legal, removed by `null` or `undefined`. */
export function reflectProperties(prototype: HTMLElement): void {
  for (const [property, { attribute, type }] of Object.entries(PROPERTIES))
    Object.defineProperty(prototype, property, {
      configurable: true,
      enumerable: true,
      get(this: HTMLElement): string | number | null {
        const value = this.getAttribute(attribute);
        return type === 'number' ? (finite(value) ?? null) : value;
      },
      set(this: HTMLElement, value: unknown): void {
        if (value === null || value === undefined) this.removeAttribute(attribute);
        else this.setAttribute(attribute, String(value));
      },
    });
}

/** Properties that were set before the element was defined hide the reflecting ones; this sets them again. */
export function adoptEarlyProperties(element: HTMLElement): void {
  for (const property of Object.keys(PROPERTIES)) {
    if (!Object.hasOwn(element, property)) continue;
    const value: unknown = Reflect.get(element, property);
    Reflect.deleteProperty(element, property);
    Reflect.set(element, property, value);
  }
}

type ReadAttribute = (name: string) => string | null;

/** The options of an element by its attributes; what is not legal is left out, as HTML does. */
export function readOptions(attribute: ReadAttribute): StudioOptions {
  return {
    subject: attribute('subject') ?? undefined,
    style: attribute('style-id') ?? plainId(attribute('style')),
    prompt: attribute('prompt') ?? undefined,
    seed: wholeNumber(attribute('seed'), 0, 2 ** 32 - 1),
    steps: wholeNumber(attribute('steps'), 1, 1000),
    theme: oneOf(THEMES, attribute('theme')),
    telemetry: oneOf(['on', 'off'], attribute('telemetry')),
    rule: oneOf(RULES, attribute('rule')),
    subjectStrength: within(attribute('subject-strength'), STRENGTH_MAX),
    styleStrength: within(attribute('style-strength'), STRENGTH_MAX),
    guidance: within(attribute('guidance'), ETA_MAX),
  };
}

/** CSS that somebody wrote in `style` is not the name of a LoRA. */
function plainId(value: string | null): string | undefined {
  return value !== null && /^[a-z0-9._-]+$/.test(value) ? value : undefined;
}

function oneOf<const T extends string>(values: readonly T[], value: string | null): T | undefined {
  return values.find((legal) => legal === value);
}

function wholeNumber(value: string | null, least: number, most: number): number | undefined {
  const number = finite(value);
  return number !== undefined && Number.isInteger(number) && number >= least && number <= most ? number : undefined;
}

function within(value: string | null, most: number): number | undefined {
  const number = finite(value);
  return number !== undefined && number >= 0 && number <= most ? number : undefined;
}

function finite(value: string | null): number | undefined {
  if (value === null || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}
