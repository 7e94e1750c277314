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

void edgeconv_decider_init(edgeconv_decider *decider) {
  memset(decider, 0, sizeof *decider);
  decider->logits = EDGECONV_OUTPUTS_ARE_LOGITS;
  decider->alpha = EDGECONV_ALPHA;
  decider->hysteresis = EDGECONV_HYSTERESIS;
  decider->unsure_below = EDGECONV_UNSURE_BELOW;
  decider->candidate = EDGECONV_NO_DECISION;
}

static int decision(const edgeconv_decider *d) {
  if (d->candidate == EDGECONV_NO_DECISION) {
    return EDGECONV_NO_DECISION;
  }
  return d->probabilities[d->candidate] < d->unsure_below ? EDGECONV_UNSURE : d->candidate;
}

int edgeconv_decider_update(edgeconv_decider *decider, uint32_t segment,
                            const float outputs[EDGECONV_CLASSES]) {
  edgeconv_decider *d = decider;
  if (segment != d->segment) {
    d->segment = segment;
    d->candidate = EDGECONV_NO_DECISION;
  }
  float now[EDGECONV_CLASSES];
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    if (!isfinite(outputs[i])) {
      return decision(d);
    }
    now[i] = outputs[i];
  }
  if (d->logits) {
    softmax(now);
  }
  if (d->candidate == EDGECONV_NO_DECISION) {
    memcpy(d->probabilities, now, sizeof now);
    d->candidate = largest(now);
    return decision(d);
  }
  for (int i = 0; i < EDGECONV_CLASSES; i++) {
    d->probabilities[i] += d->alpha * (now[i] - d->probabilities[i]);
  }
  const int challenger = largest(d->probabilities);
  if (d->probabilities[challenger] - d->probabilities[d->candidate] > d->hysteresis) {
    d->candidate = challenger;
  }
  return decision(d);
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
