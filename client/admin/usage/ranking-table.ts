import { css, html, type TemplateResult } from 'lit';
import { countText, percentText } from '../number-text.ts';

interface RankingRow {
  name: TemplateResult;
  events: number;
}

interface Ranking {
  caption: string;
  columns: readonly [name: string, events: string];
  rows: readonly RankingRow[];
  /** Of which the shares are. */
  total: number;
}

/** Names with their counts and shares, under each a bar as long as the share. With `tableStyles` and `rankingStyles`. */
export function rankingTable({ caption, columns: [name, events], rows, total }: Ranking) {
  return html`<table class="ranking">
    <caption class="visually-hidden">
      ${caption}
    </caption>
    <thead>
      <tr>
        <th scope="col">${name}</th>
        <th scope="col">${events}</th>
        <th scope="col">Share</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map((row) => {
        const share = total > 0 ? row.events / total : 0;
        return html`<tr .style=${`--share: ${share}`}>
          <th scope="row">${row.name}</th>
          <td>${countText(row.events)}</td>
          <td>${percentText(share)}</td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}

export const rankingStyles = css`
  .ranking tbody tr > * {
    border-bottom: 0;
    padding-bottom: 0.625rem;
  }
  .ranking tbody tr {
    background: linear-gradient(var(--accent), var(--accent)) left bottom 2px / calc(var(--share) * 100%) 3px no-repeat;
    background-color: transparent;
    border-radius: 2px;
  }
  .ranking td:last-child {
    width: 4.5rem;
    color: var(--muted);
  }
`;
