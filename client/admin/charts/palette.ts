/** The colours of a chart, as CSS and canvas take them. */
export interface Palette {
  surface: string;
  line: string;
  ink: string;
  muted: string;
  accent: string;
  accentSoft: string;
  accentWash: string;
}

/** What the page's custom properties come to at this element, in the scheme of now. admin.css registers them as colours. */
export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    surface: of('surface'),
    line: of('line'),
    ink: of('ink'),
    muted: of('muted'),
    accent: of('accent'),
    accentSoft: of('accent-soft'),
    accentWash: of('accent-wash'),
  };
}
