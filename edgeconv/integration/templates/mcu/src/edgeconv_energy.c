/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_energy.h"

#include <math.h>
#include <string.h>

#include "edgeconv_stream.h"

void edgeconv_energy_init(edgeconv_energy *energy) {
  memset(energy, 0, sizeof *energy);
  energy->still_below = (double)EDGECONV_STILL_BELOW;
  energy->after = EDGECONV_STILL_AFTER;
  energy->factor = EDGECONV_STILL_FACTOR;
}

double edgeconv_deviation(const float *values, uint32_t count, uint32_t width, uint32_t channel) {
  double mean = 0.0, squares = 0.0;
  for (uint32_t i = 0; i < count; i++) {
    mean += (double)values[i * width + channel];
  }
  mean /= (double)count;
  for (uint32_t i = 0; i < count; i++) {
    const double distance = (double)values[i * width + channel] - mean;
    squares += distance * distance;
  }
  return sqrt(squares / (double)count);
}

bool edgeconv_energy_next(edgeconv_energy *energy, uint32_t segment, double deviation) {
  edgeconv_energy *e = energy;
  const bool begins = !e->begun || segment != e->segment;
  e->begun = true;
  e->segment = segment;
  if (begins || deviation >= e->still_below) {
    e->calm = 0;
    e->skipped = 0;
    return true;
  }
  if (e->calm < e->after) {
    e->calm++;
    return true;
  }
  if (e->skipped + 1 >= e->factor) {
    e->skipped = 0;
    return true;
  }
  e->skipped++;
  return false;
}

bool edgeconv_energy_runs(edgeconv_energy *energy, uint32_t segment,
                          const float values[EDGECONV_INPUT_SIZE]) {
  double largest = 0.0;
  for (uint32_t c = 0; c < EDGECONV_CHANNELS; c++) {
    if (edgeconv_sources[c].sensor == 0) {
      largest = fmax(largest, edgeconv_deviation(values, EDGECONV_WINDOW, EDGECONV_CHANNELS, c));
    }
  }
  return edgeconv_energy_next(energy, segment, largest);
}
