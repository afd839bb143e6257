/** A text on the page and how well it stands out from what is behind it. */
export interface TextContrast {
  text: string;
  ratio: number;
}

/** Contrast ratio (WCAG 2.2, 1.4.3) of every visible text under `root`, shadow trees included; disabled controls are exempt. */
export function textContrasts(root: Element): TextContrast[] {
  const found: TextContrast[] = [];
  for (const element of everyElement(root)) {
    const text = [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent!.trim())
      .join('');
    const value = element.matches('textarea, input[type=number]') ? (element as HTMLInputElement).value : text;
    if (!value || !element.checkVisibility() || element.closest(':disabled, [aria-disabled="true"], .visually-hidden, option')) continue;
    found.push({ text: value, ratio: contrast(rgba(getComputedStyle(element).color), backgroundOf(element)) });
  }
  return found;
}

function* everyElement(root: Element): Generator<Element> {
  yield root;
  for (const child of [...(root.shadowRoot?.children ?? []), ...root.children]) yield* everyElement(child);
}

function parentOf(element: Element): Element | null {
  const root = element.getRootNode();
  return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
}

/** The first opaque background behind `element`. */
function backgroundOf(element: Element): number[] {
  for (let at: Element | null = element; at; at = parentOf(at)) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    if (colour[3] === 1) return colour;
  }
  throw new Error('nothing opaque is behind the text');
}

/** Any CSS colour as red, green, blue (0 to 255) and alpha: painted and read back, whatever syntax it is written in. */
function rgba(colour: string): number[] {
  const context = new OffscreenCanvas(1, 1).getContext('2d')!;
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return [red!, green!, blue!, alpha! / 255];
}

function luminance(colour: number[]): number {
  const [red, green, blue] = colour.slice(0, 3).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: number[], other: number[]): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light! + 0.05) / (dark! + 0.05);
}
