/**
 * The element's own look, as a constructable sheet: a host page whose Content-Security-Policy forbids inline styles takes it all the same.
 * Site owners style it by `--diptych-*` and by the parts `frame`, `placeholder`, `button`, `note` and `error`.
 */
export const ELEMENT_CSS = `
:host {
  display: block;
  color-scheme: light dark;
  font: 400 1rem/1.5 var(--diptych-font, system-ui, sans-serif);
  color: var(--diptych-text, light-dark(#1d1c1a, #f1efea));
}
:host([theme='light']) { color-scheme: light; }
:host([theme='dark']) { color-scheme: dark; }
:host([hidden]) { display: none; }
[part~='box'] {
  position: relative;
  box-sizing: border-box;
  min-height: var(--diptych-min-height, 15rem);
  overflow: hidden;
  border: var(--diptych-border, 1px solid light-dark(#dedad2, #3a3835));
  border-radius: var(--diptych-radius, 14px);
  background: var(--diptych-background, light-dark(#fbfaf7, #191816));
}
[part~='placeholder'] {
  display: grid;
  place-content: center;
  justify-items: center;
  gap: 1rem;
  box-sizing: border-box;
  min-height: inherit;
  padding: 2rem 1.25rem;
  text-align: center;
}
[hidden] { display: none !important; }
.mark { display: flex; gap: 3px; }
.mark i { width: 20px; height: 30px; border-radius: 3px; background: light-dark(#2f5fd0, #7ea2ff); }
.mark i + i { background: light-dark(#b4540a, #f0954a); }
[part~='note'] { max-width: 34ch; margin: 0; color: var(--diptych-muted, light-dark(#625e57, #aaa59c)); font-size: 0.9375rem; }
[part~='error'] { max-width: 46ch; margin: 0; color: light-dark(#a3261b, #ff9d92); font-size: 0.9375rem; overflow-wrap: anywhere; }
[part~='button'] {
  min-height: 44px;
  padding: 0 1.4rem;
  border: 0;
  border-radius: 999px;
  background: var(--diptych-accent, light-dark(#1d1c1a, #f1efea));
  color: var(--diptych-accent-text, light-dark(#fff, #191816));
  font: inherit;
  font-weight: 600;
  cursor: pointer;
}
[part~='button'][aria-disabled] { opacity: 0.6; cursor: progress; }
[part~='button']:focus-visible { outline: 3px solid light-dark(#2f5fd0, #7ea2ff); outline-offset: 3px; }
iframe { display: block; width: 100%; border: 0; color-scheme: inherit; }
iframe[data-waiting] { position: absolute; inset: 0; height: 100%; visibility: hidden; }
`;
