import { html, nothing, type TemplateResult } from 'lit';

export interface DataTable {
  caption: string;
  /** The first column names the row; the others are numbers. */
  columns: readonly string[];
  rows: readonly { name: string | TemplateResult; cells: readonly string[] }[];
  /** The caption stands in the page; otherwise only screen readers say it. */
  captioned?: boolean;
}

/** With `tableStyles`. */
export function tableOf({ caption, columns, rows, captioned }: DataTable) {
  return html`<table>
    <caption class=${captioned ? nothing : 'visually-hidden'}>
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map((column) => html`<th scope="col">${column}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        ({ name, cells }) =>
          html`<tr>
            <th scope="row">${name}</th>
            ${cells.map((cell) => html`<td>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
