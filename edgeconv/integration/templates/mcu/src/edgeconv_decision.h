/* From the model's outputs, window after window, to a decision that does not flicker.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_DECISION_H
#define EDGECONV_DECISION_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_contract.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGECONV_NO_DECISION (-1) /* no window yet */
#define EDGECONV_UNSURE (-2)      /* no class is probable enough */

typedef struct {
  bool logits;        /* whether outputs go through softmax first */
  float alpha;        /* weight of the newest window, above 0; 1 takes every window for itself */
  float hysteresis;   /* by how much another class must be ahead to be taken */
  float unsure_below; /* the smoothed probability that a decision needs */
  uint32_t segment;
  int candidate;                         /* a class, also while it is unsure */
  float probabilities[EDGECONV_CLASSES]; /* smoothed */
} edgeconv_decider;

/* Begins with the contract's settings; change the fields above before the first update. */
void edgeconv_decider_init(edgeconv_decider *decider);

/* The decision after the outputs for a window of this segment: an index into edgeconv_labels,
 * EDGECONV_UNSURE or EDGECONV_NO_DECISION. A new segment forgets what was before. Outputs that are
 * not finite are no answer: the decision stays as it was. */
int edgeconv_decider_update(edgeconv_decider *decider, uint32_t segment,
                            const float outputs[EDGECONV_CLASSES]);

/* A window as the model's int8 input, and its int8 outputs as real numbers. */
void edgeconv_quantize(const float values[EDGECONV_INPUT_SIZE], int8_t input[EDGECONV_INPUT_SIZE]);
void edgeconv_dequantize(const int8_t output[EDGECONV_CLASSES], float outputs[EDGECONV_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
