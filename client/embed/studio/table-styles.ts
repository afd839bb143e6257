import { css } from 'lit';

/** Numbers of a chart, folded away under it. */
export const tableStyles = css`
  summary {
    min-height: 44px;
    padding: 0.625rem 0;
    font-size: 0.875rem;
    font-weight: 600;
    cursor: pointer;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 0.875rem;
    font-variant-numeric: tabular-nums;
  }
  th {
    font-weight: 500;
    text-align: left;
  }
  td,
  thead th:not(:first-child) {
    text-align: right;
  }
  th,
  td {
    padding: 0.25rem 0;
    border-bottom: 1px solid var(--line);
  }
`;
