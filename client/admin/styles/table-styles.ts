import { css } from 'lit';

export const tableStyles = css`
  summary {
    min-height: 44px;
    padding: 0.625rem 0;
    color: var(--muted);
    font-size: 0.8125rem;
    font-weight: 600;
    cursor: pointer;
  }
  summary:hover {
    color: var(--ink);
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
  tbody th {
    min-width: 4.5rem;
    overflow-wrap: anywhere;
  }
  thead th {
    color: var(--muted);
    font-size: 0.75rem;
    vertical-align: bottom;
  }
  td,
  thead th:not(:first-child) {
    text-align: right;
  }
  td {
    white-space: nowrap;
  }
  th,
  td {
    padding: 0.4375rem 0 0.4375rem 0.75rem;
    border-bottom: 1px solid var(--line);
  }
  th:first-child {
    padding-left: 0;
  }
  tbody tr:last-child > * {
    border-bottom: 0;
  }
  @media (max-width: 30rem) {
    table {
      font-size: 0.8125rem;
    }
    tbody th {
      min-width: 4rem;
    }
    th,
    td {
      padding-left: 0.375rem;
    }
  }
`;
