/* SPDX-License-Identifier: Apache-2.0 */
#include "edgeconv_stream.h"

#include <math.h>
#include <string.h>

#include "edgeconv_sensor.h"

#ifdef __FAST_MATH__
#error "compile without -ffast-math: it makes isfinite() true for everything"
#endif

#define MEASURED_NS INT64_C(5000000000) /* how long a rate is measured */
#define SLOW 0.8f                       /* of the rate asked for */

/* a - b, or the nearest number there is: wild time stamps are no reason for undefined behavior. */
static int64_t difference(int64_t a, int64_t b) {
  if (b < 0 && a > INT64_MAX + b) {
    return INT64_MAX;
  }
  if (b > 0 && a < INT64_MIN + b) {
    return INT64_MIN;
  }
  return a - b;
}

/* Time of a point of the fine grid; never accumulated, so that no error grows. */
static int64_t grid_time(const edgeconv_stream *s, uint32_t index) {
  const int64_t since = (int64_t)((double)index * s->settings->spacing_ns + 0.5);
  return s->start_ns > INT64_MAX - since ? INT64_MAX : s->start_ns + since;
}

static void clear(edgeconv_stream *s) {
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    s->tracks[i].recent_count = 0;
    s->tracks[i].next = 0;
  }
  s->started = false;
  s->next = 0;
  s->fine_oldest = 0;
  s->fine_count = 0;
  s->step_count = 0;
#if EDGECONV_SPLITS_GRAVITY
  s->settling = EDGECONV_SETTLING_STEPS;
  memset(s->gravity, 0, sizeof s->gravity);
#endif
}

bool edgeconv_stream_init(edgeconv_stream *stream, const edgeconv_settings *settings,
                          edgeconv_on_window on_window, void *context) {
  if (settings->tap_count > EDGECONV_TAPS_MAX || settings->tap_count % 2 == 0 ||
      settings->oversampling == 0) {
    return false;
  }
#if EDGECONV_SENSORS > 1
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    /* One sensor may be this far ahead of another. */
    const double ahead = (double)(settings->silence_ns + settings->max_gap_ns[i]);
    if (ahead / settings->spacing_ns + 1.0 > EDGECONV_PENDING_MAX) {
      return false;
    }
  }
#endif
  memset(stream, 0, sizeof *stream);
  stream->settings = settings;
  stream->on_window = on_window;
  stream->context = context;
  clear(stream);
  return true;
}

void edgeconv_stream_restart(edgeconv_stream *stream) {
  stream->segment++;
  clear(stream);
}

static int64_t newest(const edgeconv_track *track) {
  return track->recent[track->recent_count - 1].t_ns;
}

/* Whether a sample that comes `elapsed` ns after the sensor's last one is used; may restart. */
static bool in_order(edgeconv_stream *s, unsigned sensor, int64_t elapsed) {
  if (elapsed > s->settings->max_gap_ns[sensor]) {
    s->counts.gaps++;
    edgeconv_stream_restart(s);
  } else if (elapsed < -s->settings->max_gap_ns[sensor]) {
    s->counts.clock_resets++;
    edgeconv_stream_restart(s);
  } else if (elapsed < 0) {
    s->counts.late++;
    return false;
  } else if (elapsed < s->settings->closest_ns[sensor]) {
    s->counts.duplicate++;
    return false;
  }
  return true;
}

static void emit(edgeconv_stream *s, int64_t end_ns) {
  const uint32_t oldest = s->step_count % EDGECONV_WINDOW; /* its place is the next to be written */
  for (uint32_t i = 0; i < EDGECONV_WINDOW; i++) {
    memcpy(&s->window[i * EDGECONV_CHANNELS], s->steps[(oldest + i) % EDGECONV_WINDOW],
           sizeof s->steps[0]);
  }
  const edgeconv_window window = {s->number, s->segment, end_ns, s->window};
  s->number++;
  s->handing_out = true;
  s->on_window(&window, s->context);
  s->handing_out = false;
}

#if EDGECONV_SPLITS_GRAVITY
/* The slow part of a step of the accelerometer, the first sensor. The filter sees the distance from
 * the first step: a phone at rest gives its gravity without any rounding. */
static void make_gravity(edgeconv_stream *s, const float *step, float *slow) {
  if (s->settling == EDGECONV_SETTLING_STEPS) {
    memcpy(s->first, step, sizeof s->first);
  }
  for (int axis = 0; axis < EDGECONV_AXES; axis++) {
    double value = (double)step[axis] - (double)s->first[axis];
    for (int i = 0; i < 2; i++) {
      const double *section = edgeconv_gravity_sections[i];
      double *state = s->gravity[axis][i];
      const double out = section[0] * value + state[0];
      state[0] = section[1] * value - section[3] * out + state[1];
      state[1] = section[2] * value - section[4] * out;
      value = out;
    }
    slow[axis] = (float)((double)s->first[axis] + value);
  }
}
#endif

/* Keeps the channels of a step; none while gravity settles. */
static void add_step(edgeconv_stream *s, const float *step, int64_t end_ns) {
#if EDGECONV_SPLITS_GRAVITY
  float slow[EDGECONV_AXES];
  make_gravity(s, step, slow);
  if (s->settling > 0) {
    s->settling--;
    return;
  }
#endif
  float *channels = s->steps[s->step_count % EDGECONV_WINDOW];
  for (int c = 0; c < EDGECONV_CHANNELS; c++) {
    const edgeconv_source *source = &edgeconv_sources[c];
    channels[c] = step[EDGECONV_AXES * source->sensor + source->axis];
#if EDGECONV_SPLITS_GRAVITY
    if (source->part == EDGECONV_GRAVITY_PART) {
      channels[c] = slow[source->axis];
    } else if (source->part == EDGECONV_REST) {
      channels[c] -= slow[source->axis];
    }
#endif
  }
  s->step_count++;
  if (s->step_count >= EDGECONV_WINDOW && (s->step_count - EDGECONV_WINDOW) % EDGECONV_STEP == 0) {
    emit(s, end_ns);
  }
}

/* One step of the contract from the fine grid, whose ring is full; `middle` is under the middle
 * tap. */
static void make_step(edgeconv_stream *s, uint32_t middle) {
  const uint16_t count = s->settings->tap_count;
  const float *centre = s->fine[(s->fine_oldest + count / 2) % count];
  float step[EDGECONV_LANES];
  for (int c = 0; c < EDGECONV_LANES; c++) {
    /* The taps' sum is 1: a constant, such as gravity, passes without any rounding. */
    float sum = 0.0f;
    uint16_t at = s->fine_oldest;
    for (uint16_t j = 0; j < count; j++) {
      sum += s->settings->taps[j] * (s->fine[at][c] - centre[c]);
      at = (uint16_t)(at + 1 == count ? 0 : at + 1);
    }
    step[c] = centre[c] + sum;
  }
  add_step(s, step, grid_time(s, middle));
}

/* Keeps a point of the fine grid; where it completes a step, makes that step. */
static void add_point(edgeconv_stream *s, const float *point) {
  const uint16_t count = s->settings->tap_count;
  uint16_t place = s->fine_count;
  if (s->fine_count < count) {
    s->fine_count++;
  } else {
    place = s->fine_oldest;
    s->fine_oldest = (uint16_t)(place + 1 == count ? 0 : place + 1);
  }
  memcpy(s->fine[place], point, sizeof s->fine[0]);
  if (s->fine_count == count) {
    const uint32_t middle = s->next - count / 2;
    if (middle % s->settings->oversampling == 0) {
      make_step(s, middle);
    }
  }
}

/* Slope of the parabola through three samples at the middle one, times this interval's length.
 * `rise` is the difference of the values over this interval, `other` over the neighbouring one,
 * `ratio` this interval's length by the neighbour's. */
static float slope(float rise, float other, float ratio) {
  return (rise + ratio * ratio * other) / (1.0f + ratio);
}

/* Length of one interval by that of another; both are far below 2^31 ns. */
static float ratio(int64_t length, int64_t by) { return (float)length / (float)by; }

/* Hands on the next point of the fine grid if every sensor has reached it. */
static void join(edgeconv_stream *s) {
  float point[EDGECONV_LANES];
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    if (s->tracks[i].next <= s->next) {
      return;
    }
    memcpy(&point[EDGECONV_AXES * i], s->tracks[i].points[s->next % EDGECONV_PENDING_MAX],
           sizeof s->tracks[i].points[0]);
  }
  const uint32_t segment = s->segment;
  add_point(s, point);
  if (s->segment == segment) { /* the app did not restart the stream */
    s->next++;
  }
}

/* Every point of the fine grid from a sensor's latest sample but two up to the latest but one. Ends
 * where the app restarts the stream while it gets a window: the samples are gone. */
static void evaluate(edgeconv_stream *s, edgeconv_track *track) {
  const uint32_t segment = s->segment;
  const edgeconv_sample *p3 = &track->recent[track->recent_count - 1];
  const edgeconv_sample *p2 = p3 - 1, *p1 = p3 - 2;
  const edgeconv_sample *p0 = track->recent_count == 4 ? &track->recent[0] : NULL;
  const int64_t length = p2->t_ns - p1->t_ns;
  const float q = ratio(length, p3->t_ns - p2->t_ns);
  const float r = p0 ? ratio(length, p1->t_ns - p0->t_ns) : 0.0f;
  for (int64_t at = grid_time(s, track->next); at < p2->t_ns; at = grid_time(s, track->next)) {
    const float u = ratio(at - p1->t_ns, length);
    float *point = track->points[track->next % EDGECONV_PENDING_MAX];
    for (int c = 0; c < EDGECONV_AXES; c++) {
      const float v1 = p1->values[c], rise = p2->values[c] - v1;
      const float slope2 = slope(rise, p3->values[c] - p2->values[c], q);
      /* At the very beginning: the parabola through the first three samples. */
      const float slope1 = p0 ? slope(rise, v1 - p0->values[c], r) : 2.0f * rise - slope2;
      const float bend = 3.0f * rise - 2.0f * slope1 - slope2;
      point[c] = v1 + u * (slope1 + u * (bend + u * (slope1 + slope2 - 2.0f * rise)));
    }
    track->next++;
    join(s);
    if (s->segment != segment) {
      return;
    }
  }
}

/* The grid begins at the newest stamp, as soon as every sensor has one. */
static void begin_grid(edgeconv_stream *s) {
  int64_t start = INT64_MIN;
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    if (s->tracks[i].recent_count == 0) {
      return;
    }
    const int64_t stamp = newest(&s->tracks[i]);
    start = stamp > start ? stamp : start;
  }
  s->started = true;
  s->start_ns = start;
}

/* Whether another sensor has been silent for too long when this stamp comes. */
static bool is_silent(const edgeconv_stream *s, int64_t t_ns) {
  for (unsigned i = 0; i < EDGECONV_SENSORS; i++) {
    const edgeconv_track *track = &s->tracks[i];
    if (track->recent_count > 0 && difference(t_ns, newest(track)) > s->settings->silence_ns) {
      return true;
    }
  }
  return false;
}

bool edgeconv_stream_waits_for(const edgeconv_stream *stream, unsigned sensor) {
  return sensor < EDGECONV_SENSORS && stream->tracks[sensor].recent_count == 0;
}

float edgeconv_stream_rate(const edgeconv_stream *stream, unsigned sensor) {
  return sensor < EDGECONV_SENSORS ? stream->rates[sensor].hz : 0.0f;
}

bool edgeconv_stream_is_slow(const edgeconv_stream *stream, unsigned sensor) {
  const float hz = edgeconv_stream_rate(stream, sensor);
  return hz > 0.0f && hz < SLOW * stream->settings->hz[sensor];
}

/* Counts a sample that was accepted. A pause longer than the stream's silence and than the patience
 * is no part of a rate: the sensor is silent then, or the board slept. */
static void measure(edgeconv_rate *rate, int64_t t_ns, int64_t silence_ns) {
  const int64_t elapsed = difference(t_ns, rate->last_ns);
  const int64_t longest = silence_ns > EDGECONV_PATIENCE_NS ? silence_ns : EDGECONV_PATIENCE_NS;
  rate->last_ns = t_ns;
  if (!rate->begun || elapsed < 0 || elapsed > longest) {
    rate->begun = true;
    rate->begin_ns = t_ns;
    rate->samples = 0;
    return;
  }
  rate->samples++;
  const int64_t since = difference(t_ns, rate->begin_ns);
  if (since >= MEASURED_NS) {
    rate->hz = (float)rate->samples * 1e9f / (float)since;
    rate->begin_ns = t_ns;
    rate->samples = 0;
  }
}

bool edgeconv_stream_push(edgeconv_stream *stream, int64_t t_ns, float x, float y, float z) {
  return edgeconv_stream_push_from(stream, 0, t_ns, x, y, z);
}

bool edgeconv_stream_push_from(edgeconv_stream *stream, unsigned sensor, int64_t t_ns, float x,
                               float y, float z) {
  edgeconv_stream *s = stream;
  if (sensor >= EDGECONV_SENSORS || s->handing_out) {
    return false;
  }
  edgeconv_track *track = &s->tracks[sensor];
  if (!isfinite(x) || !isfinite(y) || !isfinite(z)) {
    s->counts.not_finite++;
    return true;
  }
  if (track->recent_count > 0 && !in_order(s, sensor, difference(t_ns, newest(track)))) {
    return true;
  }
  if (is_silent(s, t_ns)) {
    s->counts.silent++;
    edgeconv_stream_restart(s);
  }
  s->counts.accepted++;
  measure(&s->rates[sensor], t_ns, s->settings->silence_ns);
  if (track->recent_count == 4) {
    memmove(&track->recent[0], &track->recent[1], 3 * sizeof track->recent[0]);
    track->recent_count = 3;
  }
  const float factor = s->settings->factor[sensor];
  const edgeconv_sample sample = {t_ns, {x * factor, y * factor, z * factor}};
  track->recent[track->recent_count] = sample;
  track->recent_count++;
  if (!s->started) {
    begin_grid(s);
  }
  if (s->started && track->recent_count >= 3) {
    evaluate(s, track);
  }
  return true;
}
