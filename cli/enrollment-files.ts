// Names of files in the authority's folder that more than one command knows.

/** A host's Ed25519 identity, in `DIR/hosts/SITE/HOST/`. */
export const IDENTITY_FILE = 'identity.json';
