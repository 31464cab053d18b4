// The lint rule that keeps imports running one way: which folders and packages the files of a room may import, by where a specifier
// leads and not by how it is written, in every form that an import has. Its options:
//   root          the repository's folder
//   rooms         folders (`domain`, `temporal/contract`) that may be imported; `types`: those by `import type` alone
//   only | never  the packages that may be imported, by exact name, or those that may not, with all below them (`@temporalio`)
import { dirname, relative, resolve, sep } from 'node:path';

const folders = { type: 'array', items: { type: 'string' } };

export const roomImports = {
  meta: {
    type: 'problem',
    schema: [
      {
        type: 'object',
        properties: {
          root: { type: 'string' },
          rooms: folders,
          types: folders,
          only: folders,
          never: folders,
        },
        required: ['root', 'rooms'],
        additionalProperties: false,
      },
    ],
    messages: {
      room: 'Imports run one way (ARCHITECTURE.md, "Imports"): not from {{target}}.',
      typesOnly: 'Of {{target}} types alone may be imported.',
      package: 'Not available here (ARCHITECTURE.md, "Imports"): {{target}}.',
      opaque: 'What is imported stands in a string, so that it can be checked.',
    },
  },
  create(context) {
    const { root, rooms, types = [], only, never = [] } = context.options[0];

    const checkFile = (node, path, typeOnly) => {
      const target = relative(root, path).split(sep).join('/');
      const within = (folder) => target.startsWith(`${folder}/`);
      if (rooms.some(within)) return;
      if (!types.some(within)) context.report({ node, messageId: 'room', data: { target } });
      else if (!typeOnly) context.report({ node, messageId: 'typesOnly', data: { target } });
    };
    const check = (node, typeOnly) => {
      const specifier = textOf(node);
      if (specifier === null) context.report({ node, messageId: 'opaque' });
      else if (/^\.{0,2}\//.test(specifier) || /^\.{1,2}$/.test(specifier))
        checkFile(node, resolve(dirname(context.filename), specifier), typeOnly);
      else if (!mayUse(specifier, only, never))
        context.report({ node, messageId: 'package', data: { target: specifier } });
    };

    return {
      ImportDeclaration: (node) => check(node.source, node.importKind === 'type'),
      ExportAllDeclaration: (node) => check(node.source, node.exportKind === 'type'),
      ExportNamedDeclaration: (node) => node.source && check(node.source, node.exportKind === 'type'),
      ImportExpression: (node) => check(node.source, false),
      TSImportType: (node) => check(node.source, true),
      TSExternalModuleReference: (node) => check(node.expression, false),
    };
  },
};

/** Give the text of a string that nothing is put into, or null. */
function textOf(node) {
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0].value.cooked;
  return null;
}

/** Decide about a package; an address (`file:`, `data:`), which could lead anywhere, and an alias (`#...`) are none. */
function mayUse(specifier, only, never) {
  const name = specifier.replace(/^node:/, '');
  if (/^\w+:|^#/.test(name)) return false;
  if (only !== undefined) return only.includes(specifier);
  return !never.some((one) => name === one || name.startsWith(`${one}/`));
}
