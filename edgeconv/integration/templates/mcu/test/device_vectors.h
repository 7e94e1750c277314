/* What the reference says of a device; device_vectors.c is generated from device.json.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_VECTORS_H
#define DEVICE_VECTORS_H

#include "edgeconv_decision.h"
#include "edgeconv_energy.h"
#include "edgeconv_sensor.h"
#include "edgeconv_stream.h"
#include "stream_vectors.h"

typedef struct {
  uint32_t number, segment;
  int64_t end_ns;
  float first[EDGECONV_CHANNELS], last[EDGECONV_CHANNELS];
} device_window;

typedef struct {
  const char *name;
  edgeconv_settings settings;
  const edgeconv_sample *samples; /* each of them of every sensor */
  int sample_count;
  uint32_t restarts[2]; /* windows at which the app restarts the stream */
  int restart_count;
  edgeconv_counts counts;
  uint32_t segment;
  float rates[EDGECONV_SENSORS];
  bool slow[EDGECONV_SENSORS];
  const device_window *windows;
  int window_count;
} device_stream;

typedef struct {
  const char *name;
  bool logits;
  float alpha, hysteresis, unsure_below;
  int update_count;
  struct {
    uint32_t segment;
    float outputs[3];
    int candidate, label;
    float probabilities[3];
  } updates[5];
} device_decisions;

typedef struct {
  edgeconv_sensor_event event;
  int64_t at_ns;
  bool slow;
  edgeconv_sensor_state state;
  bool restart, use_sample;
} device_event;

typedef struct {
  const char *name;
  int64_t patience_ns;
  int event_count;
  device_event events[14];
} device_states;

typedef struct {
  uint32_t segment;
  uint32_t count;
  float values[6];
  double deviation;
  bool run;
} device_energy_window;

typedef struct {
  const char *name;
  double still_below;
  uint32_t after, factor, width;
  int channel_count;
  uint32_t channels[2];
  int window_count;
  device_energy_window windows[14];
} device_energy;

extern const device_stream device_streams[];
extern const int device_stream_count;
extern const device_decisions device_decision_cases[];
extern const int device_decision_count;
extern const device_states device_state_cases[];
extern const int device_state_count;
extern const device_energy device_energy_cases[];
extern const int device_energy_count;

#endif
