import { css } from 'lit';

/** A card that holds one chart or list. */
export const panelStyles = css`
  .panel {
    display: flex;
    flex-direction: column;
    height: 100%;
    padding: var(--space-5);
    border: 1px solid var(--line);
    border-radius: 14px;
    background: var(--surface);
  }
  .panel > header {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    justify-content: space-between;
    gap: var(--space-2) var(--space-4);
    margin-bottom: var(--space-4);
  }
  .panel > header .hint {
    margin-top: var(--space-1);
  }
  .empty {
    display: grid;
    flex: 1;
    place-items: center;
    min-height: 8rem;
    margin: 0;
    padding: var(--space-5);
    border-radius: var(--radius);
    background: var(--page);
    color: var(--muted);
    font-size: 0.875rem;
    text-align: center;
    text-wrap: balance;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 0.25rem 1rem;
    margin: 0 0 var(--space-3);
    padding: 0;
    color: var(--muted);
    font-size: 0.8125rem;
    list-style: none;
  }
  .legend li {
    display: flex;
    align-items: center;
    gap: 0.375rem;
  }
  .legend i {
    width: 12px;
    height: 12px;
    border-radius: 3px;
    background: var(--accent);
  }
  .legend i.soft {
    background: var(--accent-soft);
  }
  .skeleton {
    min-height: 14rem;
    border-radius: var(--radius);
    background: var(--sunken);
    animation: breathe 1.6s ease-in-out infinite alternate;
  }
  @keyframes breathe {
    to {
      opacity: 0.45;
    }
  }
  @media (prefers-reduced-motion: reduce) {
    .skeleton {
      animation: none;
    }
  }
  @media (max-width: 30rem) {
    .panel {
      padding: var(--space-4);
    }
  }
`;
