/* The energy-minded mode: while nothing moves, the model runs for every few windows only.
 *
 * The first window with movement is always run. A window that is not run changes no decision.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_ENERGY_H
#define EDGECONV_ENERGY_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_contract.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  double still_below; /* a window that deviates less is still, in the contract's unit */
  uint32_t after;     /* still windows in a row that are run all the same */
  uint32_t factor;    /* of the further ones, every how many-th is run; at least 1 */
  bool begun;
  uint32_t segment;
  uint32_t calm, skipped;
} edgeconv_energy;

/* Begins with the contract's settings; change the first three fields before the first window. */
void edgeconv_energy_init(edgeconv_energy *energy);

/* Whether the model is to be run for this window: call it once for each, in order. */
bool edgeconv_energy_runs(edgeconv_energy *energy, uint32_t segment,
                          const float values[EDGECONV_INPUT_SIZE]);

/* Its two parts. The standard deviation of one channel of `count` steps of `width` channels: */
double edgeconv_deviation(const float *values, uint32_t count, uint32_t width, uint32_t channel);
/* and whether a window that deviates so much is to be run. */
bool edgeconv_energy_next(edgeconv_energy *energy, uint32_t segment, double deviation);

#ifdef __cplusplus
}
#endif

#endif
