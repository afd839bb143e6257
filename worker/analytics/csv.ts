/** What a spreadsheet takes for the beginning of a formula. */
const FORMULA = /^[=+\-@\t\r]/;

type Cell = string | number | null;

/**
 * A table as CSV (RFC 4180): a header, CRLF after every line, texts quoted where they must be. Null is an empty cell. A text that a spreadsheet
 * would take for a formula gets an apostrophe in front, which spreadsheets do not show; numbers never do.
 */
export function toCsv<Column extends string>(columns: readonly Column[], rows: readonly Readonly<Record<Column, Cell>>[]): string {
  const lines = rows.map((row) => columns.map((column) => cellText(row[column])));
  return [columns.map(cellText), ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}

function cellText(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
