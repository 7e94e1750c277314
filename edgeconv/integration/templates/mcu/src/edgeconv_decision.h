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

#define EDGECONV_NO_DECISION (-1)

typedef struct {
  bool logits;      /* whether outputs go through softmax first */
  float alpha;      /* weight of the newest window, above 0; 1 takes every window for itself */
  float hysteresis; /* by how much another class must be ahead to be taken */
  uint32_t segment;
  int label;                             /* index into edgeconv_labels, or EDGECONV_NO_DECISION */
  float probabilities[EDGECONV_CLASSES]; /* smoothed */
} edgeconv_decider;

void edgeconv_decider_init(edgeconv_decider *decider, bool logits, float alpha, float hysteresis);

/* The decision after the outputs for a window of this segment. A new segment forgets what was
 * before. Outputs that are not finite are no answer: the decision stays as it was. */
int edgeconv_decider_update(edgeconv_decider *decider, uint32_t segment,
                            const float outputs[EDGECONV_CLASSES]);

/* A window as the model's int8 input, and its int8 outputs as real numbers. */
void edgeconv_quantize(const float values[EDGECONV_INPUT_SIZE], int8_t input[EDGECONV_INPUT_SIZE]);
void edgeconv_dequantize(const int8_t output[EDGECONV_CLASSES], float outputs[EDGECONV_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
