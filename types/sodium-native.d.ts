// The part of sodium-native (libsodium 1.0.20) that guest-proxy uses; the package has no types of its own.
declare module 'sodium-native' {
  const sodium: {
    readonly crypto_sign_PUBLICKEYBYTES: number;
    readonly crypto_sign_SECRETKEYBYTES: number;
    readonly crypto_sign_BYTES: number;
    crypto_sign_keypair(publicKey: Uint8Array, secretKey: Uint8Array): void;
    crypto_sign_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
    crypto_sign_ed25519_sk_to_pk(publicKey: Uint8Array, secretKey: Uint8Array): void;
    crypto_sign_detached(signature: Uint8Array, message: Uint8Array, secretKey: Uint8Array): void;
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
    crypto_kx_keypair(publicKey: Uint8Array, secretKey: Uint8Array): void;
    crypto_kx_seed_keypair(publicKey: Uint8Array, secretKey: Uint8Array, seed: Uint8Array): void;
    /** Throws when the peer's key is of low order. */
    crypto_kx_client_session_keys(
      receive: Uint8Array,
      transmit: Uint8Array,
      clientPublic: Uint8Array,
      clientSecret: Uint8Array,
      serverPublic: Uint8Array,
    ): void;
    crypto_kx_server_session_keys(
      receive: Uint8Array,
      transmit: Uint8Array,
      serverPublic: Uint8Array,
      serverSecret: Uint8Array,
      clientPublic: Uint8Array,
    ): void;
    crypto_generichash(output: Uint8Array, input: Uint8Array, key?: Uint8Array): void;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      ciphertext: Uint8Array,
      message: Uint8Array,
      additional: Uint8Array | null,
      secretNonce: null,
      publicNonce: Uint8Array,
      key: Uint8Array,
    ): number;
    /** Throws when the message does not verify. */
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      message: Uint8Array,
      secretNonce: null,
      ciphertext: Uint8Array,
      additional: Uint8Array | null,
      publicNonce: Uint8Array,
      key: Uint8Array,
    ): number;
    randombytes_buf(output: Uint8Array): void;
    sodium_memzero(buffer: Uint8Array): void;
    sodium_memcmp(a: Uint8Array, b: Uint8Array): boolean;
  };
  export default sodium;
}
