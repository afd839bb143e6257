import { css, html } from 'lit';

interface Segmented<Value extends string> {
  /** Unique in its component. */
  name: string;
  legend: string;
  options: readonly { value: Value; label: string }[];
  /** Undefined: none of them. */
  value: Value | undefined;
  onChoice: (value: Value) => void;
}

/** One of a few, side by side: radio buttons, so arrow keys choose. With `segmentedStyles`. */
export function segmented<Value extends string>({ name, legend, options, value, onChoice }: Segmented<Value>) {
  return html`<fieldset class="segmented">
    <legend class="visually-hidden">${legend}</legend>
    ${options.map(
      (option) =>
        html`<label>
          <input type="radio" name=${name} .checked=${option.value === value} @change=${() => onChoice(option.value)} />
          <span>${option.label}</span>
        </label>`,
    )}
  </fieldset>`;
}

export const segmentedStyles = css`
  .segmented {
    display: inline-flex;
    min-width: 0;
    max-width: 100%;
    margin: 0;
    padding: 3px;
    border: 0;
    border-radius: 999px;
    background: var(--sunken);
  }
  .segmented label {
    position: relative;
    display: flex;
    border-radius: 999px;
    cursor: pointer;
  }
  .segmented input {
    position: absolute;
    inset: 0;
    opacity: 0;
    margin: 0;
    cursor: inherit;
  }
  .segmented span {
    display: grid;
    place-items: center;
    min-height: 38px;
    padding: 0 0.875rem;
    border-radius: 999px;
    color: var(--muted);
    font-weight: 600;
    white-space: nowrap;
  }
  .segmented label:hover span {
    color: var(--ink);
  }
  .segmented :checked + span {
    background: var(--surface);
    box-shadow: 0 0 0 1px var(--control-line);
    color: var(--ink);
  }
  .segmented :focus-visible + span {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  @media (max-width: 30rem) {
    .segmented span {
      padding: 0 0.625rem;
    }
  }
`;
