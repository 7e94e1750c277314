package android.content;

public class Intent {
  final Class<?> component;

  public Intent(Context packageContext, Class<?> cls) {
    component = cls;
  }
}
