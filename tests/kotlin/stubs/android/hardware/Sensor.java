package android.hardware;

public final class Sensor {
  public static final int TYPE_ACCELEROMETER = 1;
  public static final int TYPE_GYROSCOPE = 4;
  public static final int TYPE_GRAVITY = 9;
  public static final int TYPE_LINEAR_ACCELERATION = 10;

  private final int type;

  Sensor(int type) {
    this.type = type;
  }

  public int getType() {
    return type;
  }
}
