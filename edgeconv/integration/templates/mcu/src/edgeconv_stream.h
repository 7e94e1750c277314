/* From sensor samples with time stamps to the model's windows.
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
  float hz[EDGECONV_SENSORS];           /* that the sensor was asked for */
  float factor[EDGECONV_SENSORS];       /* contract's unit and sign per the sensor's */
  int64_t max_gap_ns[EDGECONV_SENSORS]; /* a longer pause, or step back, restarts the stream */
  int64_t closest_ns[EDGECONV_SENSORS]; /* samples nearer to the last one are doubled ones */
  int64_t silence_ns;    /* a sensor that is farther behind another restarts the stream */
  double spacing_ns;     /* between points of the fine grid */
  uint16_t oversampling; /* points of the fine grid in a step */
  uint16_t tap_count;    /* odd, at most EDGECONV_TAPS_MAX */
  const float *taps;     /* low-pass, sum 1 */
} edgeconv_settings;

extern const edgeconv_settings edgeconv_default_settings;

/* What a channel takes of an axis of a sensor. */
typedef enum {
  EDGECONV_WHOLE,
  EDGECONV_GRAVITY_PART, /* what the low-pass lets through */
  EDGECONV_REST          /* what it does not */
} edgeconv_part;

typedef struct {
  uint8_t sensor, axis;
  edgeconv_part part;
} edgeconv_source;

/* Where each channel comes from. */
extern const edgeconv_source edgeconv_sources[EDGECONV_CHANNELS];

#if EDGECONV_SPLITS_GRAVITY
/* b0 b1 b2 a1 a2 of the low-pass that makes gravity of the accelerometer's readings. */
extern const double edgeconv_gravity_sections[2][5];
#endif

/* What became of the samples, since edgeconv_stream_init. */
typedef struct {
  uint32_t accepted;
  uint32_t not_finite;   /* dropped: a value is NaN or infinite */
  uint32_t duplicate;    /* dropped: (nearly) the time of the last one */
  uint32_t late;         /* dropped: older than the last one */
  uint32_t gaps;         /* restarts because nothing came for too long */
  uint32_t clock_resets; /* restarts because the time stamp went back */
  uint32_t silent;       /* restarts because one sensor gave nothing while another went on */
} edgeconv_counts;

/* One input of the model. */
typedef struct {
  uint32_t number;     /* counts from 0, never reset */
  uint32_t segment;    /* how often the stream had restarted */
  int64_t end_ns;      /* time of the last step */
  const float *values; /* EDGECONV_INPUT_SIZE of them, step by step; valid during the call */
} edgeconv_window;

/* May call edgeconv_stream_restart: nothing more comes of the sample then. May not push a sample.
 */
typedef void (*edgeconv_on_window)(const edgeconv_window *window, void *context);

typedef struct {
  int64_t t_ns;
  float values[EDGECONV_AXES];
} edgeconv_sample;

/* The rate at which a sensor delivers, by its time stamps. */
typedef struct {
  bool begun;
  int64_t begin_ns, last_ns;
  uint32_t samples;
  float hz; /* 0: not known yet */
} edgeconv_rate;

/* One sensor: its latest samples, oldest first, and what waits for the other sensors. */
typedef struct {
  edgeconv_sample recent[4];
  uint8_t recent_count;
  uint32_t next; /* first point of the fine grid without a value */
  float points[EDGECONV_PENDING_MAX][EDGECONV_AXES];
} edgeconv_track;

/* The fields are the stream's own. */
typedef struct {
  const edgeconv_settings *settings;
  edgeconv_on_window on_window;
  void *context;
  edgeconv_counts counts;
  uint32_t segment;
  uint32_t number;
  edgeconv_track tracks[EDGECONV_SENSORS];
  edgeconv_rate rates[EDGECONV_SENSORS];
  bool handing_out; /* on_window runs */
  bool started;     /* every sensor is there, and the grid begins at start_ns */
  int64_t start_ns;
  uint32_t next; /* first point of the fine grid that a sensor has not reached */
  float fine[EDGECONV_TAPS_MAX][EDGECONV_LANES]; /* ring: the axes of all sensors */
  uint16_t fine_oldest;
  uint16_t fine_count;
  float steps[EDGECONV_WINDOW][EDGECONV_CHANNELS]; /* ring */
  uint32_t step_count;                             /* steps since the restart */
  float window[EDGECONV_INPUT_SIZE];
#if EDGECONV_SPLITS_GRAVITY
  uint32_t settling; /* steps for the low-pass only */
  float first[EDGECONV_AXES];
  double gravity[EDGECONV_AXES][2][2];
#endif
} edgeconv_stream;

/* Begins a stream. `settings` must outlive it. Returns false, and does nothing, if they do not fit
 * EDGECONV_TAPS_MAX and EDGECONV_PENDING_MAX. */
bool edgeconv_stream_init(edgeconv_stream *stream, const edgeconv_settings *settings,
                          edgeconv_on_window on_window, void *context);

/* Takes one sample of the first sensor, in its unit and sign; `t_ns` is the sensor's time stamp
 * from any origin. Calls `on_window` for each window that it completes, mostly none. Returns false,
 * and does nothing, inside `on_window`. */
bool edgeconv_stream_push(edgeconv_stream *stream, int64_t t_ns, float x, float y, float z);

/* The same for any sensor: EDGECONV_ACCELEROMETER and so on, as the contract names them. Returns
 * false, and does nothing, for a sensor that the model does not take, and inside `on_window`. */
bool edgeconv_stream_push_from(edgeconv_stream *stream, unsigned sensor, int64_t t_ns, float x,
                               float y, float z);

/* Whether this sensor has given nothing since the last restart: no window comes without it. */
bool edgeconv_stream_waits_for(const edgeconv_stream *stream, unsigned sensor);

/* The samples a second that this sensor delivers, measured over 5 s; 0 before that. */
float edgeconv_stream_rate(const edgeconv_stream *stream, unsigned sensor);

/* Whether it delivers less than 0.8 of the rate that it was asked for. At less than a fifth no
 * window comes at all, and this is the only word of it. */
bool edgeconv_stream_is_slow(const edgeconv_stream *stream, unsigned sensor);

/* Forgets all samples, as after a pause; counts, rates and window numbers go on. */
void edgeconv_stream_restart(edgeconv_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
