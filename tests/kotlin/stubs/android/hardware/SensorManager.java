package android.hardware;

import android.os.Handler;
import fakes.Phone;

public abstract class SensorManager {
  public static final int SENSOR_STATUS_UNRELIABLE = 0;

  public Sensor getDefaultSensor(int type) {
    return Phone.absent.contains(type) ? null : new Sensor(type);
  }

  public boolean registerListener(
      SensorEventListener listener,
      Sensor sensor,
      int samplingPeriodUs,
      int maxReportLatencyUs,
      Handler handler) {
    int type = sensor.getType();
    if (Phone.forbidden.contains(type)) {
      throw new SecurityException("To use the sampling rate, declare a permission");
    }
    if (Phone.refused.contains(type)) return false;
    Phone.listening.add(
        new Phone.Listening(
            type,
            samplingPeriodUs,
            maxReportLatencyUs,
            listener,
            (nanoseconds, values) -> {
              SensorEvent event = new SensorEvent();
              event.timestamp = nanoseconds;
              System.arraycopy(values, 0, event.values, 0, values.length);
              handler.post(() -> listener.onSensorChanged(event));
            },
            status -> handler.post(() -> listener.onAccuracyChanged(sensor, status))));
    return true;
  }

  public void unregisterListener(SensorEventListener listener) {
    Phone.listening.removeIf(each -> each.listener == listener);
  }
}
