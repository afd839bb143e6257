import { css } from 'lit';

/** What fields and buttons of every component share. */
export const controlStyles = css`
  :host {
    display: block;
    min-width: 0;
  }
  * {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3 {
    margin: 0;
    font-weight: 650;
    line-height: 1.25;
    text-wrap: balance;
  }
  h2 {
    font-size: 1rem;
  }
  label,
  .label {
    display: block;
    font-size: 0.8125rem;
    font-weight: 600;
  }
  .hint {
    margin: 0;
    font-size: 0.8125rem;
    color: var(--muted);
    text-wrap: pretty;
  }
  input:not([type='checkbox'], [type='radio']),
  textarea,
  select {
    width: 100%;
    min-width: 0;
    min-height: 44px;
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
  button.quiet {
    padding: 0 0.75rem;
    border-color: transparent;
    background: none;
  }
  button:is(:disabled, [aria-disabled='true']) {
    opacity: 0.55;
    cursor: default;
  }
  :is(a, button, .button, input, textarea, select, summary, main, [tabindex]):focus-visible {
    outline: 3px solid var(--focus);
    outline-offset: 2px;
  }
  a {
    color: var(--accent);
  }
  .error {
    padding: var(--space-3) var(--space-4);
    border-radius: var(--radius);
    background: var(--danger-wash);
    color: var(--danger);
    overflow-wrap: anywhere;
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
