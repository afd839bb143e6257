import { css } from 'lit';

/** What fields and buttons of every component share. */
export const controlStyles = css`
  :host {
    display: block;
  }
  * {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  label,
  legend,
  .label {
    display: block;
    padding: 0;
    font-size: 0.875rem;
    font-weight: 600;
    color: var(--ink);
  }
  .hint {
    margin: 0;
    font-size: 0.8125rem;
    color: var(--muted);
  }
  input[type='number'],
  textarea,
  select {
    width: 100%;
    min-height: 44px;
    margin: 0.375rem 0 0;
    padding: 0.5rem 0.75rem;
    border: 1px solid var(--control-line);
    border-radius: var(--radius);
    background: var(--surface);
    color: inherit;
    font: inherit;
  }
  textarea {
    display: block;
    resize: vertical;
  }
  input[type='range'] {
    width: 100%;
    height: 28px;
    margin: 0.125rem 0 0;
    accent-color: var(--range-colour, var(--ink));
  }
  button,
  .button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5rem;
    min-height: 44px;
    padding: 0 1.25rem;
    border: 1px solid var(--control-line);
    border-radius: 999px;
    background: var(--surface);
    color: var(--ink);
    font: inherit;
    font-weight: 600;
    text-decoration: none;
    cursor: pointer;
  }
  button:hover:not(:disabled, [aria-disabled='true']),
  .button:hover {
    border-color: var(--ink);
  }
  button.primary {
    border-color: var(--ink);
    background: var(--ink);
    color: var(--on-ink);
  }
  button:is(:disabled, [aria-disabled='true']) {
    opacity: 0.55;
    cursor: default;
  }
  :is(button, .button, input, textarea, select, summary, canvas):focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;
