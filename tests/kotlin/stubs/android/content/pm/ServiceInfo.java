package android.content.pm;

public class ServiceInfo {
  public static final int FOREGROUND_SERVICE_TYPE_HEALTH = 256;
  public static final int FOREGROUND_SERVICE_TYPE_MANIFEST = -1;
}
