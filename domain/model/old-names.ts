// Fields that had another name, wrong about its unit or one of two words for a thing: files, messages and histories of releases before
// are still read, the new names are written.
import { z } from 'zod';

const NEW_NAMES: Readonly<Record<string, string>> = {
  memoryMb: 'memoryMiB',
  diskMb: 'diskMiB',
  memoryGb: 'memoryGB',
  diskGb: 'diskGB',
  budgetGb: 'budgetGB',
  msPerGb: 'msPerGB',
  hypervisorPauseMs: 'downtimeMs',
  wallPauseMs: 'switchoverMs',
};

type Fields = Readonly<Record<string, unknown>>;
type Renaming<S extends z.ZodType> = z.ZodPipe<z.ZodTransform<z.input<S>, z.input<S>>, S>;

function isPlainObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The name that a field has now, for one of today or of a release before. */
export function newNameOf(field: string): string {
  return Object.hasOwn(NEW_NAMES, field) ? (NEW_NAMES[field] as string) : field;
}

/** Have `schema` read its fields by their names of a release before too; both names with different values are an error. Its object is `.out`. */
export function readsOldNames<S extends z.ZodObject>(schema: S): Renaming<S> {
  const oldNames = Object.keys(NEW_NAMES).filter((old) => newNameOf(old) in schema.shape);
  const rename = (value: unknown, ctx: z.RefinementCtx): unknown => {
    if (!isPlainObject(value)) return value;
    const present = oldNames.filter((old) => Object.hasOwn(value, old));
    if (present.length === 0) return value;
    const renamed: Record<string, unknown> = { ...value };
    for (const old of present) {
      const now = newNameOf(old);
      if (Object.hasOwn(value, now) && value[now] !== value[old])
        ctx.addIssue({
          code: 'custom',
          path: [now],
          message: `given twice, as ${now} and by its old name ${old}, with different values; keep ${now}`,
        });
      else renamed[now] = value[old];
      Reflect.deleteProperty(renamed, old);
    }
    return renamed;
  };
  return z.preprocess(rename, schema) as unknown as Renaming<S>;
}

/** Give every field in a value of a release before its present name, at any depth; where both are there, both stay, for the schema to judge. */
export function withNewNames<T>(value: T): T {
  return renamedDeep(value) as T;
}

function renamedDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(renamedDeep);
  if (!isPlainObject(value)) return value;
  const nameOf = (key: string) => (Object.hasOwn(value, newNameOf(key)) ? key : newNameOf(key));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [nameOf(key), renamedDeep(field)]));
}
