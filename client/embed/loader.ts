/** `/embed/v1.js`: the one script that a site owner adds. The edge is wherever it was loaded from. */
import { StudioElement } from './studio-element.ts';

const NAME = 'diptych-studio';

// A page may carry the script twice, and a server may import it.
if (globalThis.customElements && !customElements.get(NAME))
  customElements.define(
    NAME,
    class extends StudioElement {
      protected readonly edge = new URL(import.meta.url).origin;
    },
  );
