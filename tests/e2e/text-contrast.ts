import type { Page } from 'playwright-core';

interface SeenText {
  text: string;
  colour: string;
  /** The nearest opaque background behind it. */
  ground: string;
  /** At least 24 CSS pixels, or bold and 18.66: for these 3 is enough. */
  large: boolean;
}

/** The contrast of two opaque colours as computed styles have them, `rgb(r, g, b)`: WCAG 2.2, 1.4.3. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = /^rgb\((\d+), (\d+), (\d+)\)$/
    .exec(colour)!
    .slice(1)
    .map((text) => {
      const value = Number(text) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

export const isLegible = ({ colour, ground, large }: SeenText): boolean => contrast(colour, ground) >= (large ? 3 : 4.5);

/** Every text of the page, shadow roots included, but for what is hidden, disabled, or said to screen readers alone. */
export function seenTexts(page: Page): Promise<SeenText[]> {
  return page.evaluate(() => {
    const parentOf = (element: Element): Element | null =>
      element.assignedSlot ?? element.parentElement ?? (element.getRootNode() as ShadowRoot).host ?? null;
    const groundOf = (element: Element): string => {
      for (let at: Element | null = element; at; at = parentOf(at)) {
        const { backgroundColor } = getComputedStyle(at);
        if (backgroundColor.startsWith('rgb(')) return backgroundColor;
      }
      return 'rgb(255, 255, 255)';
    };
    const unseen = '.visually-hidden, :disabled, [aria-disabled=true], option, style';
    const look = (element: Element): SeenText[] => {
      if (element.matches(unseen) || !element.checkVisibility({ visibilityProperty: true })) return [];
      const text = [...element.childNodes].flatMap((node) => (node.nodeType === Node.TEXT_NODE ? [node.textContent!.trim()] : [])).join('');
      const { color: colour, fontSize, fontWeight } = getComputedStyle(element);
      const size = Number.parseFloat(fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700);
      const below = [...element.children, ...(element.shadowRoot?.children ?? [])].flatMap(look);
      return text === '' ? below : [{ text: text.slice(0, 40), colour, ground: groundOf(element), large }, ...below];
    };
    return look(document.body);
  });
}
