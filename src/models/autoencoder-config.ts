/** What a KL autoencoder's config.json says, in diffusers' key names. */

export interface AutoencoderConfig {
  /** @default 3 */
  in_channels?: number;
  /** @default 3 */
  out_channels?: number;
  /** @default 4 */
  latent_channels?: number;
  /** From the finest level to the coarsest; each level but the last halves the picture. */
  block_out_channels: readonly number[];
  /** Residual blocks at a level of the encoder; one more in the decoder. @default 1 */
  layers_per_block?: number;
  /** @default 32 */
  norm_num_groups?: number;
  /** What latents to be denoised are multiplied by; the model itself does not apply it. @default 0.18215 */
  scaling_factor?: number;
  /** @default true */
  use_quant_conv?: boolean;
  /** @default true */
  use_post_quant_conv?: boolean;
  /** @default true */
  mid_block_add_attention?: boolean;
}
