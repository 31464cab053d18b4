// `vmshadow desktop edit`: a stopped desktop becomes what a file says (domain/model/desktop-edit.ts).
import { z } from 'zod';
import { DesktopDocument } from '../../domain/model/desktop-document.js';
import { DesktopId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { parseArguments, poolOptions } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { withLoop } from '../with-loop.js';

const Edit = z.object({ ...poolOptions, desktop: DesktopId, file: z.string().min(1) });

/** Run `vmshadow desktop edit DESKTOP -f FILE`. */
export async function editDesktopCommand(context: CliContext, raw: unknown): Promise<void> {
  const { pool, json, desktop, file } = parseArguments(Edit, raw, 'desktop edit', ['desktop']);
  const document = await loadConfig(file, DesktopDocument, "a desktop's definition");
  const edited = await withLoop(pool, (loop) => loop.update(LOOP.editDesktop, { desktop, document }));
  const { changes } = edited;
  const said =
    changes.length === 0
      ? `${desktop} is as ${file} says: nothing to change.`
      : `${desktop} from its next start on:\n${changes.map((c) => `  ${c}`).join('\n')}`;
  context.out(json ? JSON.stringify(edited, null, 2) : said);
}
