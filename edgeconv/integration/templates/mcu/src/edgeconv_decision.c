/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_decision.h"

#include <math.h>
#include <string.h>

static int largest(const float *values) {
  int best = 0;
  for (int i = 1; i < EDGECONV_CLASSES; i++) {
    if (values[i] > values[best]) {
      best = i;
    }
  }
  return best;
}

static void softmax(float *values) {
  const float top = values[largest(values)];
  float total = 0.0f;
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    values[i] = expf(values[i] - top);
    total += values[i];
  }
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    values[i] /= total;
  }
}

void edgeconv_decider_init(edgeconv_decider *decider, bool logits, float alpha, float hysteresis) {
  memset(decider, 0, sizeof *decider);
  decider->logits = logits;
  decider->alpha = alpha;
  decider->hysteresis = hysteresis;
  decider->label = EDGECONV_NO_DECISION;
}

int edgeconv_decider_update(edgeconv_decider *decider, uint32_t segment,
                            const float outputs[EDGECONV_CLASSES]) {
  edgeconv_decider *d = decider;
  if (segment != d->segment) {
    d->segment = segment;
    d->label = EDGECONV_NO_DECISION;
  }
  float now[EDGECONV_CLASSES];
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    if (!isfinite(outputs[i])) {
      return d->label;
    }
    now[i] = outputs[i];
  }
  if (d->logits) {
    softmax(now);
  }
  if (d->label == EDGECONV_NO_DECISION) {
    memcpy(d->probabilities, now, sizeof now);
    d->label = largest(now);
    return d->label;
  }
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    d->probabilities[i] += d->alpha * (now[i] - d->probabilities[i]);
  }
  const int challenger = largest(d->probabilities);
  if (d->probabilities[challenger] - d->probabilities[d->label] > d->hysteresis) {
    d->label = challenger;
  }
  return d->label;
}

void edgeconv_quantize(const float values[EDGECONV_INPUT_SIZE], int8_t input[EDGECONV_INPUT_SIZE]) {
  for (int i = 0; i < EDGECONV_INPUT_SIZE; i++) {
    const float stored = roundf(values[i] / EDGECONV_INPUT_SCALE) + EDGECONV_INPUT_ZERO_POINT;
    input[i] = (int8_t)(stored < -128.0f ? -128.0f : stored > 127.0f ? 127.0f : stored);
  }
}

void edgeconv_dequantize(const int8_t output[EDGECONV_CLASSES], float outputs[EDGECONV_CLASSES]) {
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    outputs[i] = (float)(output[i] - EDGECONV_OUTPUT_ZERO_POINT) * EDGECONV_OUTPUT_SCALE;
  }
}
