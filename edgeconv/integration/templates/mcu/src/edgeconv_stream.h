/* From accelerometer samples with time stamps to the model's windows.
 *
 * Plain C99, no allocation: all state is in edgeconv_stream, whose size is known at compile time.
 * docs/explanation/streaming-spec.md of edgeconv is the specification; test/ holds what its
 * reference computed.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EDGECONV_STREAM_H
#define EDGECONV_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "edgeconv_contract.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How samples become windows. The contract's own is edgeconv_default_settings. */
typedef struct {
  float factor;          /* contract's unit and sign per the sensor's */
  double spacing_ns;     /* between points of the fine grid */
  int64_t max_gap_ns;    /* a longer pause, or step back, restarts the stream */
  int64_t closest_ns;    /* samples nearer to the last one are doubled ones */
  uint16_t oversampling; /* points of the fine grid in a step */
  uint16_t tap_count;    /* odd, at most EDGECONV_TAPS_MAX */
  const float *taps;     /* low-pass, sum 1 */
} edgeconv_settings;

extern const edgeconv_settings edgeconv_default_settings;

/* What became of the samples, since edgeconv_stream_init. */
typedef struct {
  uint32_t accepted;
  uint32_t not_finite;   /* dropped: a value is NaN or infinite */
  uint32_t duplicate;    /* dropped: (nearly) the time of the last one */
  uint32_t late;         /* dropped: older than the last one */
  uint32_t gaps;         /* restarts because nothing came for too long */
  uint32_t clock_resets; /* restarts because the time stamp went back */
} edgeconv_counts;

/* One input of the model. */
typedef struct {
  uint32_t number;     /* counts from 0, never reset */
  uint32_t segment;    /* how often the stream had restarted */
  int64_t end_ns;      /* time of the last step */
  const float *values; /* EDGECONV_INPUT_SIZE of them: x0 y0 z0 x1 ...; valid during the call */
} edgeconv_window;

typedef void (*edgeconv_on_window)(const edgeconv_window *window, void *context);

typedef struct {
  int64_t t_ns;
  float values[EDGECONV_CHANNELS];
} edgeconv_sample;

/* The fields are the stream's own. */
typedef struct {
  const edgeconv_settings *settings;
  edgeconv_on_window on_window;
  void *context;
  edgeconv_counts counts;
  uint32_t segment;
  uint32_t number;
  int64_t start_ns;
  edgeconv_sample recent[4]; /* the latest, oldest first */
  uint8_t recent_count;
  uint32_t next; /* first point of the fine grid without a value */
  float fine[EDGECONV_TAPS_MAX][EDGECONV_CHANNELS]; /* ring */
  uint16_t fine_oldest;
  uint16_t fine_count;
  float steps[EDGECONV_WINDOW][EDGECONV_CHANNELS]; /* ring */
  uint32_t made;                                   /* steps since the restart */
  float window[EDGECONV_INPUT_SIZE];
} edgeconv_stream;

/* Begins a stream. `settings` must outlive it. Returns false, and does nothing, if they do not fit
 * EDGECONV_TAPS_MAX. */
bool edgeconv_stream_init(edgeconv_stream *stream, const edgeconv_settings *settings,
                          edgeconv_on_window on_window, void *context);

/* Takes one sample, in the sensor's unit and sign; `t_ns` is the sensor's time stamp from any
 * origin. Calls `on_window` for each window that it completes, mostly none. */
void edgeconv_stream_push(edgeconv_stream *stream, int64_t t_ns, float x, float y, float z);

/* Forgets all samples, as after a pause; counts and window numbers go on. */
void edgeconv_stream_restart(edgeconv_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
